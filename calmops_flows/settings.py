"""Where things lie and which limits hold, from ``CALMOPS_*`` in the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from calmops_flows.errors import SpecError


class Settings(BaseSettings):
    """Settings of one process; every field is the variable ``CALMOPS_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix="CALMOPS_", frozen=True, extra="ignore")

    home: Path = Field(
        default_factory=lambda: Path.home() / ".calmops",
        description="Folder for database, artifacts and logs.",
    )
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the home folder.")
    artifacts_url: str = Field("", description="fsspec URL; empty: a folder in the home folder.")
    prefect: Literal["auto", "on", "off"] = Field(
        "auto", description="Run under Prefect: if an API is configured, always, or never."
    )
    trusted_modules: str = Field(
        "",
        description="Comma-separated packages that model.class may also come from.",
    )
    lease_seconds: float = Field(
        30.0, gt=0, description="Time after which a silent worker loses its pipeline."
    )
    max_file_bytes: int = Field(
        64 * 2**30, gt=0, description="Larger files are quarantined unread."
    )
    max_unpacked_ratio: float = Field(
        200.0,
        gt=1,
        description="A compressed file that grows by more than this factor is quarantined.",
    )
    remote_timeout_seconds: float = Field(
        20.0, gt=0, description="An object store that is silent for so long has failed."
    )
    remote_attempts: int = Field(
        3, ge=1, description="How often a request to an object store is made in all."
    )
    dask_address: str = Field(
        "",
        description="Dask scheduler whose workers profile and test the columns of large snapshots.",
    )
    dashboard_url: str = Field("", description="Where the dashboard runs; Prefect runs link to it.")
    token: SecretStr | None = Field(
        None, description="Demanded by servers that are bound off loopback."
    )

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the store."""
        return self.database_url or f"sqlite:///{self.home.expanduser().absolute() / 'calmops.db'}"

    @property
    def artifacts(self) -> str:
        """Fsspec URL of the artifact store."""
        return self.artifacts_url or str(self.home.expanduser().absolute() / "artifacts")

    @property
    def logs(self) -> Path:
        """Folder of the pipelines' log files."""
        return self.home.expanduser().absolute() / "logs"

    @property
    def trusted(self) -> frozenset[str]:
        """Top-level packages named in ``trusted_modules``."""
        return frozenset(name.strip() for name in self.trusted_modules.split(",") if name.strip())


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises
    ------
    SpecError
        If a variable holds a value that its field does not accept.
    """
    try:
        return Settings()
    except ValidationError as err:
        first = err.errors()[0]
        name = "CALMOPS_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SpecError(f"{name}: {first['msg']}, got {first.get('input')!r}") from err
