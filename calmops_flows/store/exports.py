"""Write files outside the store: whole or not at all, under a name that stays the same."""

from __future__ import annotations

import io
from pathlib import Path

from calmops_flows.errors import MissingExtraError
from calmops_flows.faults import durable
from calmops_flows.store.artifacts import write_durably


def write_export(url: str, name: str, content: bytes) -> None:
    """Write a file into a folder or under a URL; written again, it is replaced.

    Parameters
    ----------
    url : str
        Local folder, which is made if need be, or fsspec URL.
    name : str
        Name of the file.
    content : bytes
        All of it.

    Raises
    ------
    OSError
        If it cannot be written; nothing half-written is visible then.
    MissingExtraError
        If the package for this kind of URL is not installed.
    """
    folder = local_path(url)
    with durable("export.write"):
        if folder is None:
            _write_remote(url, name, content)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / name, io.BytesIO(content))


def local_path(url: str) -> Path | None:
    """Return the folder that a path or ``file://`` URL names, None for any other URL."""
    if "://" in url and not url.startswith("file://"):
        return None
    return Path(url.removeprefix("file://")).expanduser()


def _write_remote(url: str, name: str, content: bytes) -> None:
    import fsspec

    try:
        system, root = fsspec.url_to_fs(url)
    except ImportError as err:
        kind = url.partition(":")[0]
        raise MissingExtraError(
            f"predictions.path {kind}://… needs another package ({err}): "
            f"pip install 'calmops-flows[{kind}]'"
        ) from err
    root = str(root).rstrip("/")
    system.makedirs(root, exist_ok=True)
    system.pipe_file(f"{root}/{name}", content)
