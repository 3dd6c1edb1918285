"""The tables of the store. Migrations under ``migrations`` create them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives out row ids only for INTEGER; PostgreSQL wants BIGINT.
Key = BigInteger().with_variant(Integer, "sqlite")
TIME = String(32)  # ISO 8601, UTC, microseconds: sorts as text, and reads alike on both databases
DIGEST = String(64)
LEARNING = "learning"  # scope of a model's own quantities, which are no scores
ESTIMATED = "estimated"  # scope of metrics that were estimated without labels
REALISED = "realised"  # scope of metrics from labels that came later


def _pipeline() -> Column[str]:
    return Column("pipeline", String(64), ForeignKey("pipelines.name"), nullable=False)


def _snapshot(*, primary_key: bool = False) -> Column[int]:
    return Column(
        "snapshot_id", Key, ForeignKey("snapshots.id"), nullable=False, primary_key=primary_key
    )


pipelines = Table(
    "pipelines",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("spec", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("spec_revision", Integer, nullable=False),
    Column("champion", Integer),
    Column("contract_version", Integer),
    Column("reservoir", DIGEST),
    Column("breaker", Text, nullable=False),
    Column("created_at", TIME, nullable=False),
)

spec_revisions = Table(
    "spec_revisions",
    metadata,
    Column("pipeline", String(64), ForeignKey("pipelines.name"), primary_key=True),
    Column("spec_revision", Integer, primary_key=True),
    Column("spec", Text, nullable=False),
    Column("at", TIME, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("pipeline", String(64), ForeignKey("pipelines.name"), primary_key=True),
    Column("token", String(32)),
    Column("owner", Text),
    Column("expires_at", Float),
    Column("wake", Integer, nullable=False, default=0),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    _pipeline(),
    Column("sequence", Integer, nullable=False),
    Column("path", Text, nullable=False),
    Column("block", Text),
    Column("role", String(16), nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("copy", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("stamp", Text, nullable=False),
    Column("order_value", Text),
    Column("rows", BigInteger),
    Column("data_digest", DIGEST),
    Column("profile_digest", DIGEST),
    Column("missing_share", Float),
    Column("superseded_by", Key, ForeignKey("snapshots.id")),
    Column("duplicate_of", Key, ForeignKey("snapshots.id")),
    Column("discovered_at", TIME, nullable=False),
    UniqueConstraint("pipeline", "sequence"),
    UniqueConstraint("pipeline", "digest", "copy"),
    Index("ix_snapshots_pipeline_state", "pipeline", "state"),
)

files = Table(
    "files",
    metadata,
    Column("pipeline", String(64), ForeignKey("pipelines.name"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("stamp_key", BigInteger, nullable=False),
    Column("digest", DIGEST, nullable=False),
    _snapshot(),
)

outcomes = Table(
    "outcomes",
    metadata,
    _snapshot(primary_key=True),
    _pipeline(),
    Column("decision", String(24), nullable=False),
    Column("reason", Text, nullable=False),
    Column("champion", Integer),
    Column("challenger", Integer),
    Column("rows", BigInteger, nullable=False),
    Column("is_drift", Boolean),
    Column("alpha", Float),
    Column("spec_revision", Integer, nullable=False),
    Column("run_id", Text),
    Column("stream_state", DIGEST),
    Column("at", TIME, nullable=False),
    Index("ix_outcomes_pipeline_at", "pipeline", "at"),
)

decisions = Table(
    "decisions",
    metadata,
    _snapshot(primary_key=True),
    Column("record", Text, nullable=False),
)

metrics = Table(
    "metrics",
    metadata,
    _snapshot(primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("scope", String(16), primary_key=True),
    Column("metric", String(64), primary_key=True),
    Column("value", Float),
    Column("lower", Float),
    Column("upper", Float),
    Column("note", Text),
)

score_counts = Table(
    "score_counts",
    metadata,
    _snapshot(primary_key=True),
    Column("counts", Text, nullable=False),
)

drift_results = Table(
    "drift_results",
    metadata,
    _snapshot(primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("column", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("detector", String(64), nullable=False),
    Column("statistic", Float),
    Column("p_value", Float),
    Column("adjusted_p_value", Float),
    Column("effect_size", Float),
    Column("is_drift", Boolean),
    Column("reason", Text),
)

drift_reports = Table(
    "drift_reports",
    metadata,
    _snapshot(primary_key=True),
    Column("is_drift", Boolean),
    Column("alpha", Float, nullable=False),
    Column("reference_digest", DIGEST, nullable=False),
    Column("reference_rows", BigInteger, nullable=False),
    Column("current_rows", BigInteger, nullable=False),
    Column("notes", Text, nullable=False),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("pipeline", String(64), ForeignKey("pipelines.name"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("artifact", DIGEST, nullable=False),
    Column("manifest", DIGEST, nullable=False),
    Column("judged_artifact", DIGEST),
    Column("golden", DIGEST),
    Column("mode", String(24), nullable=False),
    Column("parent", Integer),
    _snapshot(),
    Column("profile_digest", DIGEST),
    Column("metrics", Text, nullable=False),
    Column("fit_seconds", Float, nullable=False),
    Column("created_at", TIME, nullable=False),
)

contracts = Table(
    "contracts",
    metadata,
    Column("pipeline", String(64), ForeignKey("pipelines.name"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("contract", Text, nullable=False),
    _snapshot(),
    Column("at", TIME, nullable=False),
)

predictions = Table(
    "predictions",
    metadata,
    _snapshot(primary_key=True),
    Column("version", Integer, nullable=False),
    Column("artifact", DIGEST, nullable=False),
    Column("rows", BigInteger, nullable=False),
)

row_keys = Table(
    "row_keys",
    metadata,
    _snapshot(primary_key=True),
    Column("artifact", DIGEST),
    Column("n_keys", BigInteger, nullable=False),
    Column("low", Text),
    Column("high", Text),
    Column("contradictions", BigInteger, nullable=False),
)

label_joins = Table(
    "label_joins",
    metadata,
    _snapshot(primary_key=True),
    Column("label_id", Key, ForeignKey("snapshots.id"), nullable=False, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("matched", BigInteger, nullable=False),
    Column("labelled", BigInteger, nullable=False),
    Column("contradictions", BigInteger, nullable=False),
    Column("on_arrival", Boolean, nullable=False),
    Column("at", TIME, nullable=False),
    UniqueConstraint("snapshot_id", "position"),
)

reports = Table(
    "reports",
    metadata,
    _snapshot(primary_key=True),
    Column("kind", String(24), primary_key=True),
    Column("artifact", DIGEST, nullable=False),
    Column("at", TIME, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(36), primary_key=True),
    _pipeline(),
    Column("position", Integer, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("delivered_at", TIME),
    Column("delivered_to", String(32)),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Index("ix_outbox_pipeline_delivered_at", "pipeline", "delivered_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("pipeline", String(64), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("at", TIME, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("payload", Text, nullable=False),
    Column("previous_hash", DIGEST, nullable=False),
    Column("hash", DIGEST, nullable=False),
)
