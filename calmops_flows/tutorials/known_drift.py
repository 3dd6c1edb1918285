"""Known drift: write a scenario, run its pipeline, and see whether it finds what was put in.

Run it:  python known_drift.py
     or  python known_drift.py seasonal_demand

Scenarios: clinical_batch_effect, flights_sensor_fault (extra demo), fraud_recurring,
seasonal_demand. Snapshots, truth and store lie in the folder ``known-drift``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pandas as pd

from calmops_flows import open_store, run_pipeline
from calmops_flows.generators.scenario import generate_scenario
from calmops_flows.reports.comparison_page import snapshots_document
from calmops_flows.reports.snapshots import judge, truth_of
from calmops_flows.settings import Settings

FOLDER = Path("known-drift")


def flights() -> list[pd.DataFrame]:
    """Read the twelve months of real flights on which one scenario is built."""
    from calmops_flows.demo.flights import data_folder, read_months

    return [month.rows for month in read_months(data_folder())]


def main() -> None:
    """Write a scenario, run its pipeline, and put verdicts beside the truth."""
    name = sys.argv[1] if len(sys.argv) > 1 else "clinical_batch_effect"
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    # The same as: calmops generate scenario NAME --out known-drift/scenario
    spec = generate_scenario(name, FOLDER / "scenario", bases={"flights": flights})

    # Every cell that was injected stands in truth.csv; some scenarios only move by themselves.
    files = sorted((spec.parent / "arrivals").iterdir())
    log = spec.parent / "truth.csv"
    truth = None
    if log.exists():
        truth = truth_of(pd.read_csv(log), {n: one.name for n, one in enumerate(files, start=1)})

    with open_store(Settings(home=FOLDER / "home")) as store:
        for outcome in run_pipeline(str(spec), store=store):
            changed = "not told" if truth is None else ", ".join(truth[outcome.snapshot]) or "no"
            named = ", ".join(outcome.drift.columns) if outcome.drift else ""
            print(
                f"{outcome.snapshot}: injected: {changed}; drift: {named or 'none'}; "
                f"{outcome.decision}"
            )

    # The same question without a pipeline: every period against the first one.
    tables = [(one.name, pd.read_csv(one)) for one in files]
    judged = judge(tables[0][1], tables[1:], truth)
    page = FOLDER / "verdicts.html"
    page.write_text(snapshots_document(judged, files[0].name).to_html(), encoding="utf-8")
    print(f"verdicts beside the truth: {page}")


if __name__ == "__main__":
    main()
