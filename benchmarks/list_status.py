"""`calmops list` and `calmops status` with 50 pipelines of 1,000 snapshots each.

Whole processes, median of seven; beside them the bare imports that any such
command pays for. Neither command may import a heavy library.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Figure, own_home, process_seconds, show
from benchmarks.seeding import seed
from calmops_flows.store.store import open_store

HEAVY = ("prefect", "pandas", "pyarrow", "sklearn")
BAR = 1.0


def main() -> None:
    with own_home():
        with open_store() as store:
            seed(store, n_pipelines=50, n_snapshots=1_000)
        calmops = str(Path(sys.executable).with_name("calmops"))
        for arguments in (["list"], ["status", "pipeline-007"]):
            refuse_heavy_imports(arguments)
        bare = process_seconds([sys.executable, "-c", "import sqlalchemy, typer"])
        show(
            Figure("bare `import sqlalchemy, typer`", bare, "s"),
            *(
                Figure(
                    f"calmops {' '.join(arguments)}",
                    process_seconds([calmops, *arguments]),
                    "s",
                    BAR,
                )
                for arguments in (["list"], ["list", "--json"], ["status", "pipeline-007"])
            ),
        )


def refuse_heavy_imports(arguments: list[str]) -> None:
    """Run a command under ``-X importtime`` and stop if it loads what it does not use."""
    code = "from calmops_flows.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    heavy = sorted(loaded.intersection(HEAVY))
    if heavy:
        sys.exit(f"calmops {' '.join(arguments)} imports {', '.join(heavy)}")
    print(f"calmops {' '.join(arguments)} imports none of {', '.join(HEAVY)}")


if __name__ == "__main__":
    main()
