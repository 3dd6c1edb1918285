"""One PostgreSQL database and one bucket, and the workers that share them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fsspec

from calmops_flows.settings import Settings
from calmops_flows.store import open_store
from tests.faults import machines
from tests.faults.machines import Worker
from tests.store_dump import dump

Contents = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Site:
    """A store that several machines share.

    ``environment`` leads to the object store; ``alone`` is a second, empty database.
    """

    folder: Path
    bucket: str
    database: str
    environment: dict[str, str]
    alone: str
    artifacts: str = "artifacts"

    @property
    def settings(self) -> Settings:
        """Settings that open the store here; the object store is found by the environment."""
        return Settings(
            home=self.folder / "reader",
            database_url=self.database,
            artifacts_url=f"{self.bucket}/{self.artifacts}",
        )

    def start(
        self,
        machine: str,
        work: Callable[..., None],
        *arguments: Any,
        pause_at: tuple[str, int] | None = None,
    ) -> Worker:
        """Start work on a machine."""
        shared = {
            **self.environment,
            "CALMOPS_DATABASE_URL": self.database,
            "CALMOPS_ARTIFACTS_URL": f"{self.bucket}/{self.artifacts}",
        }
        return machines.start(
            work, *arguments, folder=self.folder / machine, shared=shared, pause_at=pause_at
        )

    def apply(self, names: list[str]) -> None:
        """Apply a pipeline for each name."""
        specs = [machines.make_spec(name, f"{self.bucket}/in/{name}") for name in names]
        worker = self.start(f"apply-{self.artifacts}", machines.apply, specs)
        assert worker.end() == 0, worker.log()

    def drained_by_one(self, n_files: Mapping[str, int]) -> Contents:
        """Make so many files for each pipeline; return what one worker alone makes of them."""
        names = list(n_files)
        for number, name in enumerate(names):
            machines.make_files(self.folder / "in" / name, n_files[name], seed=number)
        fsspec.filesystem("s3").put(f"{self.folder}/in/", f"{self.bucket}/in", recursive=True)
        other = replace(self, database=self.alone, artifacts="alone")
        other.apply(names)
        worker = other.start("alone", machines.run_all, names)
        assert worker.end() == 0, worker.log()
        return other.dump()

    def dump(self) -> Contents:
        """Return all that the store says."""
        with open_store(self.settings) as store:
            return dump(store.database)
