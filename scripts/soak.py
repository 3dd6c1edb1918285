"""Let files arrive and workers die for a while, then judge what the store holds.

Every kind of fault of docs/faults.md that one machine can bring about comes at random times; an
independent checker (tests/soak/checker.py) replays the arrivals and the audit log. Prints the
seed first: the same one gives the same arrivals and faults, though not the same moments.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.soak.checker import broken_promises  # noqa: E402 - needs the path above
from tests.soak.world import soak  # noqa: E402


def main() -> int:
    """Run the soak; exit 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    asked = parser.parse_args()
    print(f"seed {asked.seed}, {asked.minutes:g} minutes", flush=True)
    end = time.monotonic() + 60 * asked.minutes
    with tempfile.TemporaryDirectory(prefix="calmops-soak-") as folder:
        found = soak(Path(folder), seed=asked.seed, goes_on=lambda _: time.monotonic() < end)
        broken = broken_promises(found)
        if broken:
            kept = Path(folder).with_name(Path(folder).name + "-kept")
            Path(folder).rename(kept)
            Path(folder).mkdir()
            print(f"kept for a look: {kept}")
    ending = found.ending
    print(", ".join(f"{what}: {n}" for what, n in sorted(found.told.items())))
    print(
        f"{len(found.arrivals)} contents arrived, {len(ending.processed)} were processed, "
        f"{len(ending.versions)} versions, {len(ending.audit)} audit entries, "
        f"{len(ending.predicted)} predictions, {len(found.looks)} looks"
    )
    for sentence in broken:
        print(f"BROKEN: {sentence}")
    print(f"{len(broken)} promises broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
