"""Services in containers: a Dockerfile, exact pins, and a Compose file; nothing is started.

The image holds Python and the pinned libraries. The code and the folders with data are mounted
read-only from where they are, the home at its own path, so that what the store says holds inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import calmops_flows
from calmops_flows.services.environment import write_file
from calmops_flows.services.pins import installed_pins
from calmops_flows.services.plan import LOOPBACK, Service
from calmops_flows.store.exports import local_path
from calmops_flows.store.pipelines import load_state, pipeline_names

if TYPE_CHECKING:
    from calmops_flows.store.store import Store

BASE = "python:3.11.13"
CODE = "/opt/calmops"
DOCKERFILE = """\
# Written by `calmops up --persistence docker`. No secret and no code: both come at run time.
FROM {base}-bookworm AS build
WORKDIR /build
# LightGBM needs the library, and the slim image lacks it.
RUN cp "$(ldconfig -p | sed -n 's/.*libgomp\\.so\\.1.* => //p' | head -n 1)" libgomp.so.1

FROM {base}-slim-bookworm
WORKDIR /srv/calmops
COPY --from=build /build/libgomp.so.1 /usr/local/lib/libgomp.so.1
COPY requirements.txt ./
RUN python -m pip install --no-cache-dir --requirement requirements.txt
ENV LD_LIBRARY_PATH=/usr/local/lib
ENV PYTHONPATH={code}
ENV PYTHONDONTWRITEBYTECODE=1
ENV HOME=/tmp
USER {user}
CMD ["python", "-m", "calmops_flows.cli.main", "--help"]
"""
HEADER = "# Written by `calmops up --persistence docker`; holds no secret."
HEALTH = "import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=5)"


@dataclass(frozen=True, slots=True)
class Mounts:
    """Folders of this machine that the containers see, each at its own path.

    Attributes
    ----------
    home : Path
        ``CALMOPS_HOME``, which they write.
    read : tuple of Path
        Folders of data and labels, which they only read.
    written : tuple of Path
        Folders of predictions.
    """

    home: Path
    read: tuple[Path, ...] = ()
    written: tuple[Path, ...] = ()


def mounts_of(store: Store, home: Path) -> Mounts:
    """Return the local folders that the applied pipelines read and write."""
    read, written = [], []
    for name in pipeline_names(store.database):
        spec = load_state(store.database, name).spec
        read += [spec.source.path, *([spec.labels.path] if spec.labels else [])]
        written += [spec.predictions.path] if spec.predictions else []
    return Mounts(home, tuple(_local(read)), tuple(_local(written)))


def unprivileged_user(home: Path) -> str:
    """Return the numbers of the home's owner, or of the first user of a machine if that is root."""
    owner = home.stat()
    return f"{owner.st_uid}:{owner.st_gid}" if owner.st_uid else "1000:1000"


def write_docker(services: Sequence[Service], mounts: Mounts, environment: Path, user: str) -> Path:
    """Write Dockerfile, pins and Compose file into the folder ``docker`` of the home.

    Parameters
    ----------
    services : sequence of Service
        The first one is what the others wait for; commands are those of the image.
    mounts : Mounts
        What the containers see.
    environment : Path
        The environment file, which holds the secrets.
    user : str
        Number of user and group, ``1000:1000``; not root's.

    Returns
    -------
    Path
        The Compose file.
    """
    folder = mounts.home / "docker"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_file(folder / "requirements.txt", "\n".join(installed_pins()) + "\n", 0o644)
    dockerfile = DOCKERFILE.format(base=BASE, code=CODE, user=user)
    write_file(folder / "Dockerfile", dockerfile, 0o644)
    file = folder / "compose.yaml"
    text = yaml.safe_dump(compose(services, mounts, environment, user), sort_keys=False)
    write_file(
        file, f"# Written by `calmops up --persistence docker`; holds no secret.\n{text}", 0o644
    )
    return file


def compose(
    services: Sequence[Service], mounts: Mounts, environment: Path, user: str
) -> dict[str, Any]:
    """Return the Compose file's content; parameters are those of `write_docker`."""
    first = services[0]
    shared = {
        "image": f"calmops:{calmops_flows.__version__}",
        "user": user,
        "init": True,
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 - the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "env_file": [str(environment)],
        "working_dir": str(mounts.home),
        "volumes": list(_volumes(mounts)),
    }
    parts = {service.name: _part(service, shared, mounts.home) for service in services}
    parts[first.name]["build"] = {"context": "."}
    for service in services[1:]:
        parts[service.name]["depends_on"] = {first.name: {"condition": "service_healthy"}}
    made: dict[str, Any] = _literal({"name": "calmops", "services": parts})
    return made


def _part(service: Service, shared: Mapping[str, Any], home: Path) -> dict[str, Any]:
    made = {
        **shared,
        "command": list(service.command),
        "environment": {"PREFECT_HOME": str(home / "prefect"), **service.variables},
        "restart": "on-failure" if service.ends else "unless-stopped",
    }
    if service.health is not None:
        made["healthcheck"] = {
            "test": ["CMD", "python", "-c", HEALTH, service.health],
            "interval": "10s",
            "timeout": "6s",
            "retries": 6,
            "start_period": "180s",
        }
    if service.port is not None:
        made["ports"] = [f"{LOOPBACK}:{service.port}:{service.port}"]
    return made


def _volumes(mounts: Mounts) -> Iterable[dict[str, Any]]:
    yield _bind(mounts.home, str(mounts.home))
    package = Path(calmops_flows.__file__).parent
    for code in (package, package.parent / "dashboard"):
        if code.is_dir():
            yield _bind(code, f"{CODE}/{code.name}", read_only=True)
    for folder in dict.fromkeys(mounts.written):
        if not folder.is_relative_to(mounts.home):
            yield _bind(folder, str(folder))
    for folder in dict.fromkeys(mounts.read):
        yield _bind(folder, str(folder), read_only=True)


def _bind(source: Path, target: str, *, read_only: bool = False) -> dict[str, Any]:
    return {"type": "bind", "source": str(source), "target": target, "read_only": read_only}


def _literal(value: Any) -> Any:
    """Double the dollar signs, which Compose would take for variables."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items()}
    return [_literal(item) for item in value] if isinstance(value, list) else value


def _local(paths: Iterable[str]) -> Iterator[Path]:
    for path in paths:
        local = local_path(path)
        if local is not None:
            yield local.absolute()
