"""Drain on ever larger small disks: a program of its own, with mounts of its own.

Usage: ``unshare --mount python -m tests.faults.small_disk SOURCE HOME RESULT``
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.faults import workload
from tests.faults.contents import contents

SIZES_KB = (256, 520, 640, 800, 1500)
ROOMY = "size=256m"


def tmpfs(home: Path, options: str, *, is_new: bool) -> None:
    """Mount a disk at ``home``, or give the one that is there another size."""
    kind = ["-t", "tmpfs", "tmpfs"] if is_new else []
    how = options if is_new else f"remount,{options}"
    subprocess.run(["mount", *kind, "-o", how, str(home)], check=True)


def main() -> None:
    """Fill each disk, make room, run again, and write what happened."""
    source, home, result = (Path(argument) for argument in sys.argv[1:])
    home.mkdir()
    found = []
    for size in SIZES_KB:
        tmpfs(home, f"size={size}k", is_new=True)
        log = home.parent / f"{home.name}.stderr"
        log.unlink(missing_ok=True)
        first = workload.in_process(workload.run_command, home, source)
        said = log.read_text()
        tmpfs(home, ROOMY, is_new=False)
        second = workload.in_process(workload.run_command, home, source)
        left = [str(path) for path in home.rglob(".tmp-*")]
        found.append((size, first, said, second, left, contents(home)))
        subprocess.run(["umount", str(home)], check=True)
    result.write_text(json.dumps(found, default=str))


if __name__ == "__main__":
    main()
