"""Write files outside the store: whole or not at all, under a name that stays the same."""

from __future__ import annotations

import io
from pathlib import Path

from calmops_flows.data.transport import Patience, open_system, reaching
from calmops_flows.faults import durable
from calmops_flows.store.files import unfinished, write_durably


def write_export(url: str, name: str, content: bytes, *, patience: Patience | None = None) -> None:
    """Write a file into a folder or under a URL; written again, it is replaced.

    Parameters
    ----------
    url : str
        Local folder, which is made if need be, or fsspec URL.
    name : str
        Name of the file.
    content : bytes
        All of it.
    patience : Patience, optional
        How long an object store may be silent.

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
            _write_remote(url, name, content, patience or Patience())
        else:
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / name, io.BytesIO(content))


def unfinished_exports(url: str) -> tuple[tuple[Path, float], ...]:
    """Return the temporary files in a folder of exports, each with its time of writing.

    Parameters
    ----------
    url : str
        Local folder, or fsspec URL: there each file is one request, and none is left.

    Raises
    ------
    OSError
        If the folder cannot be read.
    """
    folder = local_path(url)
    return () if folder is None else tuple(sorted(unfinished(folder)))


def remove_export(path: Path) -> None:
    """Remove a file that `unfinished_exports` named.

    Raises
    ------
    OSError
        If it cannot be removed.
    """
    with durable("artifact.remove"):
        path.unlink(missing_ok=True)


def local_path(url: str) -> Path | None:
    """Return the folder that a path or ``file://`` URL names, None for any other URL."""
    if "://" in url and not url.startswith("file://"):
        return None
    return Path(url.removeprefix("file://")).expanduser()


def _write_remote(url: str, name: str, content: bytes, patience: Patience) -> None:
    system, root = open_system(url, patience, named="predictions.path")
    with reaching(url, f"write {name} to"):
        system.makedirs(root, exist_ok=True)
        system.pipe_file(f"{root}/{name}", content)
