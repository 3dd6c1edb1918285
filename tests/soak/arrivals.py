"""What arrives during a soak: good files and every kind of bad one, and what a writer leaves."""

from __future__ import annotations

import hashlib
import io
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from tests.soak.chronicle import Arrival

N_ROWS = 200
PIECES = 4
PAUSE_SECONDS = 0.05
SETTLE_SECONDS = 0.3  # a writer that paused so long would have to write aside


@dataclass
class Arrivals:
    """Writes files into a folder as people and programs do, and notes each content."""

    folder: Path
    rng: random.Random
    noted: list[Arrival] = field(default_factory=list)
    _count: int = 0

    def one(self) -> str:
        """Let something arrive; return what kind of thing it was."""
        kind = self.rng.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
        KINDS[kind][1](self)
        return kind

    def good(self) -> None:
        """A whole file, renamed into place."""
        self._place(self._name(), self._rows(), is_good=True)

    def slow(self) -> None:
        """A file that is written piece by piece under its own name."""
        name, content = self._name(), self._rows()
        size = -(-len(content) // PIECES)
        with (self.folder / name).open("wb") as out:
            for start in range(0, len(content), size):
                out.write(content[start : start + size])
                out.flush()
                written = time.monotonic()
                time.sleep(PAUSE_SECONDS)
                is_whole = start + size >= len(content)
                # On a busy machine the pause may be long: then what is there counts as a file.
                is_good = is_whole or time.monotonic() - written > SETTLE_SECONDS / 2
                self._note(name, content[: start + size], is_good=is_good, is_whole=is_whole)

    def copied(self) -> None:
        """The bytes of another file under a new name."""
        good = [arrival for arrival in self._standing() if arrival.is_good]
        if good:
            twin = self.rng.choice(good)
            content = (self.folder / twin.name).read_bytes()
            self._place(self._name(), content, is_good=True)

    def rewritten(self) -> None:
        """New bytes under the name of a good file."""
        good = [arrival for arrival in self._standing() if arrival.is_good]
        if good:
            self._place(self.rng.choice(good).name, self._rows(), is_good=True)

    def torn(self) -> None:
        """A parquet file that was cut."""
        sink = io.BytesIO()
        self._frame().to_parquet(sink)
        content = sink.getvalue()
        cut = self.rng.randrange(8, len(content) - 8)
        self._place(self._name(".parquet"), content[:cut], is_good=False)

    def wrong(self) -> None:
        """A file that is no table, or lacks a column of the contract."""
        lacking = self._frame().drop(columns="a").to_csv(index=False).encode()
        noise = self.rng.randbytes(300) + b"\0"
        self._place(self._name(), self.rng.choice([lacking, noise]), is_good=False)

    def odd(self) -> None:
        """Things that are no files."""
        path, what = self.folder / self._name(), self.rng.choice(["fifo", "folder", "link"])
        if what == "fifo":
            os.mkfifo(path)
        elif what == "folder":
            path.mkdir()
        else:
            path.symlink_to("/dev/zero")

    def _name(self, suffix: str = ".csv") -> str:
        self._count += 1
        return f"{self._count:05d}{suffix}"

    def _frame(self) -> pd.DataFrame:
        rng = np.random.default_rng(self.rng.getrandbits(32))
        regime = (self._count // 5) % 3
        X = rng.normal(2.0 * regime, 1.0, (N_ROWS, 2))
        sign = 1 if regime % 2 == 0 else -1
        y = (sign * (X - 2.0 * regime).sum(axis=1) + rng.normal(0, 0.3, N_ROWS) > 0).astype(int)
        return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y})

    def _rows(self) -> bytes:
        return self._frame().to_csv(index=False).encode()

    def _place(self, name: str, content: bytes, *, is_good: bool) -> None:
        aside = self.folder / f".{name}.part"
        aside.write_bytes(content)
        aside.replace(self.folder / name)
        self._note(name, content, is_good=is_good)

    def _note(self, name: str, content: bytes, *, is_good: bool, is_whole: bool = True) -> None:
        digest = hashlib.sha256(content).hexdigest()
        self.noted.append(Arrival(name, digest, is_good, is_whole))

    def _standing(self) -> list[Arrival]:
        return list({arrival.name: arrival for arrival in self.noted}.values())


KINDS: dict[str, tuple[int, Callable[[Arrivals], None]]] = {
    "good": (10, Arrivals.good),
    "slow": (3, Arrivals.slow),
    "copied": (2, Arrivals.copied),
    "rewritten": (3, Arrivals.rewritten),
    "torn": (2, Arrivals.torn),
    "wrong": (2, Arrivals.wrong),
    "odd": (1, Arrivals.odd),
}
