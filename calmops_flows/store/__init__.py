"""Everything durable: database, artifacts, ledger, registry, history."""

from calmops_flows.store.artifacts import ArtifactStore
from calmops_flows.store.database import Database
from calmops_flows.store.store import Store, open_store

__all__ = ["ArtifactStore", "Database", "Store", "open_store"]
