"""Prefect blocks that say where a store is and which pipeline is meant.

A pipeline's spec lives in the store, with its revisions; blocks hold no copy of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prefect.blocks.core import Block
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from pydantic import Field, SecretStr

from calmops_flows.errors import NotFoundError
from calmops_flows.settings import Settings
from calmops_flows.steps.kinds import KINDS
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.store import Store, open_store

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun


class CalmopsStore(Block):
    """Where CalmOps keeps its records and models.

    Attributes
    ----------
    home : str or None
        Folder for database, artifacts and logs.
    database_url : SecretStr or None
        SQLAlchemy URL, with its password.
    artifacts_url : str or None
        fsspec URL.

    Examples
    --------
    Open the store that the block ``local`` names::

        from calmops_flows.blocks import CalmopsStore

        with CalmopsStore.load("local").open() as store:
            print(store.database.revision())
    """

    _block_type_name = "CalmOps Store"
    _block_type_slug = "calmops-store"
    _description = (
        "Where CalmOps keeps its records and models: a folder, or a database with an object store."
    )

    home: str | None = Field(
        default=None,
        title="Home folder",
        description="Folder for database, artifacts and logs. Empty: CALMOPS_HOME of the worker.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        title="Database URL",
        description="SQLAlchemy URL, for example of PostgreSQL. Empty: CALMOPS_DATABASE_URL, "
        "else SQLite in the home folder.",
    )
    artifacts_url: str | None = Field(
        default=None,
        title="Artifacts URL",
        description="fsspec URL, for example s3://bucket/calmops. Empty: CALMOPS_ARTIFACTS_URL, "
        "else a folder in the home folder.",
    )

    def settings(self) -> Settings:
        """Return the settings that the block makes; empty fields come from the environment."""
        given: dict[str, Any] = {
            "home": Path(self.home) if self.home else None,
            "database_url": self.database_url.get_secret_value() if self.database_url else None,
            "artifacts_url": self.artifacts_url,
        }
        return Settings(**{name: value for name, value in given.items() if value})

    def open(self) -> Store:
        """Open the store.

        Raises
        ------
        StoreError
            If the database cannot be reached.
        """
        return open_store(self.settings())


class CalmopsPipeline(Block):
    """A pipeline by name, in a store.

    Attributes
    ----------
    pipeline : str
        Name of the applied pipeline.
    store : CalmopsStore
        The store it lives in.

    Examples
    --------
    Run the deployment of a pipeline::

        from calmops_flows.blocks import CalmopsPipeline

        CalmopsPipeline.load("flights").run()
    """

    _block_type_name = "CalmOps Pipeline"
    _block_type_slug = "calmops-pipeline"
    _description = "A CalmOps pipeline by name: run its deployment, or see how it stands."

    pipeline: str = Field(
        title="Pipeline",
        description="Name of an applied pipeline, as `calmops list` shows it.",
    )
    store: CalmopsStore = Field(
        default_factory=CalmopsStore, title="Store", description="The store the pipeline lives in."
    )

    def run(self, *, timeout_seconds: float | None = None) -> FlowRun:
        """Run the pipeline's deployment and wait for it.

        Parameters
        ----------
        timeout_seconds : float, optional
            Wait at most so long; 0 does not wait. Default: until the run ends.

        Raises
        ------
        NotFoundError
            If the pipeline is not deployed.
        """
        names = [f"calmops-{kind}/{self.pipeline}" for kind in KINDS]
        for name in names:
            try:
                run = run_deployment(name, timeout=timeout_seconds, as_subflow=False)
            except ObjectNotFound:
                continue
            return cast("FlowRun", run)  # a coroutine only where there is a running loop
        raise NotFoundError(
            f"there is no deployment among {names}; `calmops deploy {self.pipeline}` makes it"
        )

    def status(self) -> dict[str, Any]:
        """Return revision, champion and breaker of the pipeline.

        Raises
        ------
        NotFoundError
            If there is no pipeline of that name.
        """
        with self.store.open() as store:
            state = load_state(store.database, self.pipeline)
        return {
            "pipeline": self.pipeline,
            "kind": state.spec.kind,
            "spec_revision": state.spec_revision,
            "champion": state.champion,
            "breaker": state.breaker.state,
        }
