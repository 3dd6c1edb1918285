"""Every key of a historical configuration is carried over, or listed with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from calmops_flows.errors import SpecError
from calmops_flows.evaluation.metrics import METRICS
from calmops_flows.spec import parse_spec
from calmops_flows.steps import historical
from calmops_flows.steps.historical import KINDS, import_config
from calmops_flows.steps.historical_schedule import schedule

MODEL = {"module": "sklearn.ensemble._forest", "class": "RandomForestClassifier", "params": {}}
STREAM: dict[str, Any] = {
    "pipeline_name": "sales",
    "monitor_type": "monitor",
    "data_dir": "/data/sales",
    "preprocess_file": "prep.py",
    "rest_preprocess_file": "rest.py",
    "skip_initial_preprocessing": False,
    "thresholds_perf": {"F1": 0.7, "accuracy": 0.8},
    "thresholds_drift": {"ks": 0.05},
    "model_spec": MODEL,
    "retrain_mode": 5,
    "fallback_mode": 2,
    "random_state": 42,
    "param_grid": {"max_depth": [3, 5]},
    "cv": 4,
    "custom_train_file": "train.py",
    "delimiter": ";",
    "encoding": "latin-1",
    "file_type": "csv",
    "target_file": "june.csv",
    "window_size": 500,
    "prediction_only": False,
    "dir_predictions": "out",
    "breaker_max_failures": 5,
    "breaker_backoff_minutes": 30,
    "port": 8501,
    "persistence": "pm2",
    "custom_fallback_file": None,
    "favourite_colour": "red",
}
BLOCK: dict[str, Any] = {
    "pipeline_name": "sales",
    "monitor_type": "monitor_schedule_block",
    "data_dir": "d",
    "target_col": "y",
    "model_spec": MODEL,
    "retrain_mode": 0,
    "block_col": "month",
    "blocks_eval": ["2014-01"],
    "split_within_blocks": True,
    "train_percentage": 0.75,
    "fallback_strategy": "ensemble",
    "schedule": {"type": "interval", "params": {"weeks": 1, "jitter": 10}},
    "early_start": True,
}
IPIP: dict[str, Any] = {
    "pipeline_name": "sales",
    "monitor_type": "monitor_ipip",
    "data_dir": "d",
    "target_col": "y",
    "model_spec": MODEL,
    "block_col": "month",
    "ipip_config": {"prop_minor_frac": 0.5, "majority_prop": 0.6, "val_size": 0.3, "year_col": "y"},
}


@pytest.mark.parametrize("config", [STREAM, BLOCK, IPIP])
def test_every_key_is_accounted_for_once(config: dict[str, Any]) -> None:
    found = import_config(config)

    told = {key.partition(".")[0] for key in found.carried | found.left}
    assert told >= config.keys()
    assert not found.carried.keys() & found.left.keys()
    parse_spec(found.values)


def test_stream_keeps_what_it_said() -> None:
    spec = parse_spec(import_config(STREAM).values)

    assert spec.kind == "stream"
    assert spec.model.class_ == "sklearn.ensemble.RandomForestClassifier"
    assert spec.evaluation.thresholds == {"f1_macro": 0.7, "accuracy": 0.8}
    assert (spec.retrain.mode, spec.retrain.fallback) == ("replay_mix", "window")
    assert spec.preprocess is not None
    assert spec.preprocess.function == "prep.py:data_preprocessing"
    assert spec.source.read_options == {"delimiter": ";", "encoding": "latin-1"}
    assert set(import_config(STREAM).left) == {
        "thresholds_drift",
        "port",
        "persistence",
        "favourite_colour",
    }


def test_block_keeps_what_it_said() -> None:
    found = import_config(BLOCK)
    spec = parse_spec(found.values)

    assert spec.block is not None
    assert (spec.block.column, spec.block.eval_blocks, spec.block.fallback) == (
        "month",
        ("2014-01",),
        "ensemble",
    )
    assert (spec.evaluation.holdout, spec.evaluation.split) == (0.25, "random")
    assert spec.triggers.schedule is not None
    assert spec.triggers.schedule.interval_seconds == 604_800
    assert spec.triggers.schedule.timezone == "Europe/Madrid"
    assert not spec.triggers.file_arrival
    assert set(found.left) == {"schedule.jitter", "early_start"}


def test_ipip_keeps_what_it_said() -> None:
    found = import_config(IPIP)
    spec = parse_spec(found.values)

    assert spec.ipip is not None
    assert (spec.ipip.minority_fraction, spec.ipip.majority_share) == (0.5, 0.6)
    assert "ipip_config.year_col" in found.left


@pytest.mark.parametrize("monitor", sorted(KINDS))
def test_all_six_monitors_are_known(monitor: str) -> None:
    config = {**IPIP, "monitor_type": monitor}

    assert parse_spec(import_config(config).values).kind == KINDS[monitor]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"monitor_type": "monitor_mood"}, "monitor_type must be one of"),
        ({"model_spec": None}, "no 'model_spec'"),
        ({"data_dir": ""}, "no 'data_dir'"),
        ({"model_spec": {"module": "x"}}, "must name module and class"),
        ({"schedule": {"type": "bogus"}}, "schedule type must be one of"),
    ],
)
def test_configuration_that_says_nothing_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        import_config({**BLOCK, **change})


def test_mode_that_never_existed_is_listed() -> None:
    assert "never existed" in import_config({**STREAM, "retrain_mode": 3}).left["retrain_mode"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "interval", "params": {"seconds": 90}}, {"interval_seconds": 90.0}),
        ({"type": "interval", "params": {"days": 1, "hours": 12}}, {"interval_seconds": 129_600.0}),
        ({"type": "cron", "params": {"minute": "*/5"}}, {"cron": "*/5 * * * *"}),
        ({"type": "cron", "params": {"hour": 8, "minute": 30}}, {"cron": "30 8 * * *"}),
        # Checked against APScheduler's rule: day_of_week 0 is Monday, in cron it is 1.
        ({"type": "cron", "params": {"day_of_week": "0-4", "hour": 6}}, {"cron": "0 6 * * 1-5"}),
        ({"type": "cron", "params": {"month": 3}}, {"cron": "0 0 1 3 *"}),
        (
            {"type": "date", "params": {"run_date": "2026-01-02 03:04:05"}},
            {"rrule": "DTSTART:20260102T030405\nRRULE:FREQ=DAILY;COUNT=1"},
        ),
    ],
)
def test_schedule_fires_when_the_historical_one_did(
    given: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert schedule(given, "UTC") == ({**expected, "timezone": "UTC"}, {})


def test_what_a_schedule_cannot_say_is_listed() -> None:
    part, left = schedule({"type": "cron", "params": {"second": 5, "year": 2026}}, "UTC")

    assert part == {"cron": "* * * * *", "timezone": "UTC"}
    assert set(left) == {"second", "year"}


def test_metrics_have_names_of_this_version() -> None:
    assert set(historical.METRICS.values()) <= set(METRICS)
