"""Write the next snapshot of a feed into a source's folder: each once, in order, whole.

The folder holds a manifest beside the snapshots. A snapshot is written first and then named in the
manifest; its bytes depend on its number only. So whoever comes after a crash writes the same file
again, or finds it there, and goes on.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calmops_flows.errors import NameConflictError, SpecError
from calmops_flows.faults import durable
from calmops_flows.store.files import write_durably

if TYPE_CHECKING:
    from calmops_flows.generators.feed import Feed

MANIFEST, LOCK = ".calmops-feed.json", ".calmops-feed.lock"


@dataclass(frozen=True, slots=True)
class Fed:
    """A snapshot that is in the source.

    Parameters
    ----------
    period : int
        Its number, from 1.
    file : str
        Its name in the folder.
    sha256 : str
        Digest of its bytes.
    tick : str
        What it was written for.
    """

    period: int
    file: str
    sha256: str
    tick: str


def feed_next(feed: Feed, *, tick: str) -> Fed | None:
    """Write the next snapshot of a feed, unless this tick has its own already.

    Processes that feed the same folder at the same time take turns.

    Parameters
    ----------
    feed : Feed
        What to write, and where; the folder is made if need be.
    tick : str
        Names the occasion, for example a flow run: asked again, it gets the same snapshot.

    Returns
    -------
    Fed or None
        The snapshot; None when all were written before.

    Raises
    ------
    SpecError
        If the folder was fed by another plan.
    NameConflictError
        If a file of that name and other content is there.
    OSError
        If the folder cannot be written; nothing half-written is visible then.
    """
    folder = Path(feed.folder)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        known = _known(folder, feed)
        for one in known:
            if one.tick == tick:
                return one
        number = len(known) + 1
        if number > feed.periods():
            return None
        content = feed.content(number)
        name = feed.file_name(number)
        _write(folder / name, content)
        made = Fed(number, name, hashlib.sha256(content).hexdigest(), tick)
        _remember(folder, feed, [*known, made])
    return made


def fed(feed: Feed) -> tuple[Fed, ...]:
    """Return the snapshots that a feed has written, oldest first.

    Raises
    ------
    SpecError
        If the folder was fed by another plan.
    """
    return tuple(_known(Path(feed.folder), feed))


def _write(file: Path, content: bytes) -> None:
    if file.exists():
        if file.read_bytes() != content:
            raise NameConflictError(
                f"{str(file)!r} is there with other content; feed another folder, or move it away"
            )
        return  # written before a crash, and not yet named in the manifest
    with durable("feed.snapshot"):
        write_durably(file, io.BytesIO(content))


def _remember(folder: Path, feed: Feed, known: list[Fed]) -> None:
    values = {"plan": feed.digest(), "snapshots": [asdict(one) for one in known]}
    with durable("feed.manifest"):
        write_durably(folder / MANIFEST, io.BytesIO(json.dumps(values, indent=1).encode()))


def _known(folder: Path, feed: Feed) -> list[Fed]:
    file = folder / MANIFEST
    try:
        values: dict[str, Any] = json.loads(file.read_bytes())
        plan, known = values["plan"], [Fed(**one) for one in values["snapshots"]]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as err:
        raise SpecError(f"{str(file)!r} is no manifest of a feed: {err}; move it away") from err
    if plan != feed.digest():
        raise SpecError(
            f"{str(folder)!r} was fed by another plan; feed another folder, or take the plan back"
        )
    return known


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait for one's turn; the lock dies with its holder."""
    with (folder / LOCK).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
