"""Carry configurations of the historical system over; what cannot be is listed with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from calmops_flows.errors import SpecError
from calmops_flows.spec import HISTORICAL_MODES
from calmops_flows.steps.historical_schedule import schedule

KINDS = {
    "monitor": "stream",
    "monitor_schedule": "stream",
    "monitor_block": "block",
    "monitor_schedule_block": "block",
    "monitor_ipip": "ipip",
    "monitor_schedule_ipip": "ipip",
}
METRICS = {"F1": "f1_macro", "f1": "f1_macro", "roc": "roc_auc", "auc": "roc_auc"}
FORMATS = {"excel": "xlsx", "xls": "xls", "csv": "csv", "json": "json", "arff": "arff"}
# Flags of the historical `update`, and the fields they are now. After "!": what to do instead.
UPDATE_FLAGS = {
    "retrain_mode": "retrain.mode",
    "fallback_mode": "retrain.fallback",
    "window_size": "retrain.window_size",
    "random_state": "random_state",
    "data_dir": "source.path",
    "delimiter": "source.read_options.delimiter",
    "thresholds_perf": "evaluation.thresholds",
    "preprocess_file": "!give preprocess.function=FILE.py:data_preprocessing",
    "custom_train_file": "!give retrain.custom.train=FILE.py:train",
    "custom_retrain_file": "!give retrain.custom.retrain=FILE.py:retrain",
    "schedule": "!give triggers.schedule.cron='0 * * * *' or triggers.schedule.interval_seconds=60",
    "thresholds_drift": "!the verdict holds drift.alpha over all columns; see `calmops calibrate`",
    "param_grid": "!give model.search.params={parameter: [values]}",
    "cv": "model.search.cv",
    "port": "~no port belongs to a pipeline; give `calmops dashboard --port` or `calmops serve`",
}


@dataclass(slots=True)
class Imported:
    """A historical configuration as values of a spec.

    ``carried`` and ``left`` name every key of the configuration once: the field it became,
    or why it became none and what to do instead.
    """

    values: dict[str, Any] = field(default_factory=dict)
    carried: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, path: str, value: Any) -> None:
        """Set one field, by its dotted path, from the configuration's key."""
        inner = self.values
        *parts, last = path.split(".")
        for part in parts:
            inner = inner.setdefault(part, {})
        inner[last] = value
        self.carried[key] = path


def import_config(config: Mapping[str, Any]) -> Imported:
    """Translate a ``runner_config.json``.

    Parameters
    ----------
    config : mapping
        As decoded from JSON.

    Returns
    -------
    Imported
        Values for `parse_spec`, and an account of every key.

    Raises
    ------
    SpecError
        If the monitor type is unknown, or name, data folder or model are missing.

    Examples
    --------
    >>> found = import_config({"pipeline_name": "p", "monitor_type": "monitor", "data_dir": "d",
    ...     "retrain_mode": 2, "thresholds_perf": {"F1": 0.8}, "port": 8501,
    ...     "model_spec": {"module": "sklearn.linear_model", "class": "LogisticRegression"}})
    >>> found.values["retrain"], found.values["evaluation"], sorted(found.left)
    ({'mode': 'window'}, {'thresholds': {'f1_macro': 0.8}}, ['port'])
    """
    monitor = config.get("monitor_type")
    if monitor not in KINDS:
        raise SpecError(f"monitor_type must be one of {sorted(KINDS)}, got {monitor!r}")
    for needed in ("pipeline_name", "data_dir", "model_spec"):
        if not config.get(needed):
            raise SpecError(f"the configuration has no {needed!r}, and nothing stands for it")
    found = Imported()
    found.put("monitor_type", "kind", KINDS[monitor])
    for key, value in config.items():
        if key == "monitor_type":
            continue
        if value is None or value in ({}, []):
            found.carried[key] = "(not set)"
            continue
        rule = _RULES.get(key)
        if rule is None:
            found.left[key] = "is not known to this version"
        else:
            rule(found, key, value, config)
    _target(found, config)
    return found


Rule = Callable[[Imported, str, Any, Mapping[str, Any]], None]


def _as(path: str) -> Rule:
    def rule(found: Imported, key: str, value: Any, _config: Mapping[str, Any]) -> None:
        found.put(key, path, value)

    return rule


def _never(why: str) -> Rule:
    def rule(found: Imported, key: str, _value: Any, _config: Mapping[str, Any]) -> None:
        found.left[key] = why

    return rule


def _function(path: str, name: str) -> Rule:
    def rule(found: Imported, key: str, value: Any, _config: Mapping[str, Any]) -> None:
        found.put(key, path, f"{value}:{name}")

    return rule


def _mode(path: str) -> Rule:
    def rule(found: Imported, key: str, value: Any, _config: Mapping[str, Any]) -> None:
        if value in HISTORICAL_MODES:
            found.put(key, path, HISTORICAL_MODES[value])
        else:
            found.left[key] = f"mode {value!r} never existed; the default mode is used"

    return rule


def _model(found: Imported, key: str, value: Any, _config: Mapping[str, Any]) -> None:
    if not isinstance(value, Mapping) or not {"module", "class"} <= value.keys():
        raise SpecError(f"{key} must name module and class, got {value!r}")
    found.put(key, "model.class", _public(str(value["module"]), str(value["class"])))
    if value.get("params"):
        found.put(key, "model.params", dict(value["params"]))


def _public(module: str, name: str) -> str:
    """Return the public place of a class: ``sklearn.ensemble._forest`` is no promise."""
    parts = [part for part in module.split(".") if not part.startswith("_")]
    return ".".join([*parts, name])


def _thresholds(found: Imported, key: str, value: Any, _config: Mapping[str, Any]) -> None:
    found.put(key, "evaluation.thresholds", {METRICS.get(k, k): v for k, v in value.items()})


def _search(found: Imported, key: str, value: Any, config: Mapping[str, Any]) -> None:
    if not (config.get("param_grid") and config.get("cv")):
        found.left[key] = "param_grid and cv only worked together"
        return
    found.put(key, "model.search.params" if key == "param_grid" else "model.search.cv", value)


def _files(found: Imported, key: str, value: Any, _config: Mapping[str, Any]) -> None:
    names = [value] if isinstance(value, str) else list(value)
    if len(names) == 1:
        found.put(key, "source.pattern", names[0])
    else:
        found.left[key] = (
            f"{len(names)} files by name: put them into a folder of their own, or give "
            "source.pattern"
        )


def _format(found: Imported, key: str, value: Any, _config: Mapping[str, Any]) -> None:
    # The historical loader took the type before the suffix; only known ones bind here.
    found.put(key, "source.format", FORMATS.get(str(value), "auto"))


def _delimiter(found: Imported, key: str, value: Any, _config: Mapping[str, Any]) -> None:
    if value == "infer":
        found.carried[key] = "(inferred by default)"
    else:
        found.put(key, "source.read_options.delimiter", value)


def _split(found: Imported, key: str, value: Any, config: Mapping[str, Any]) -> None:
    if key == "split_within_blocks":
        found.put(key, "evaluation.split", "random" if value else "last")
    elif config.get("split_within_blocks"):
        found.put(key, "evaluation.holdout", round(1.0 - float(value), 6))
    else:
        found.left[key] = "only had an effect together with split_within_blocks"


def _skip(found: Imported, key: str, value: Any, _config: Mapping[str, Any]) -> None:
    found.carried[key] = "(a column as target needs no function)" if value else "(not set)"


def _preprocess(found: Imported, key: str, value: Any, config: Mapping[str, Any]) -> None:
    if config.get("skip_initial_preprocessing"):
        found.left[key] = "skip_initial_preprocessing is set, so it was never called"
    elif key == "rest_preprocess_file":
        if not config.get("skip_rest_preprocessing"):
            found.put(key, "preprocess.later", f"{value}:data_preprocessing")
        else:
            found.left[key] = "skip_rest_preprocessing is set, so it was never called"
    else:
        found.put(key, "preprocess.function", f"{value}:data_preprocessing")


def _schedule(found: Imported, key: str, value: Any, config: Mapping[str, Any]) -> None:
    zone = "UTC" if "ipip" in config["monitor_type"] else "Europe/Madrid"
    part, why = schedule(value, zone)
    if part:
        found.put(key, "triggers.schedule", part)
        found.put("monitor_type", "triggers.file_arrival", value=False)
        found.carried["monitor_type"] = "kind, triggers.file_arrival"
    for name, reason in why.items():
        found.left[f"{key}.{name}"] = reason


def _early(found: Imported, key: str, value: Any, config: Mapping[str, Any]) -> None:
    if value:
        found.left[key] = f"start the first run by hand: calmops run {config['pipeline_name']}"
    else:
        found.carried[key] = "(the first run waits for its schedule)"


def _ipip(found: Imported, key: str, value: Any, _config: Mapping[str, Any]) -> None:
    names = {
        "prop_minor_frac": "minority_fraction",
        "prop_majoritaria": "majority_share",
        "majority_prop": "majority_share",
        "max_attempts": "max_attempts",
        "val_size": "validation_share",
    }
    for name, setting in value.items():
        if name in names:
            found.put(f"{key}.{name}", f"ipip.{names[name]}", setting)
        else:
            found.left[f"{key}.{name}"] = "has no counterpart: units follow from the block column"


def _target(found: Imported, config: Mapping[str, Any]) -> None:
    """Take the column ``class``, the historical default, where nothing else is said."""
    if "target" not in found.values and "preprocess" not in found.values:
        found.values["target"] = "class"
        found.carried.setdefault("target_col", "target (the historical default: class)")
    if "preprocess" in found.values and config.get("target_col"):
        found.carried["target_col"] = "target"


_RULES: dict[str, Rule] = {
    "pipeline_name": _as("name"),
    "data_dir": _as("source.path"),
    "target_col": _as("target"),
    "preprocess_file": _preprocess,
    "rest_preprocess_file": _preprocess,
    "skip_initial_preprocessing": _skip,
    "skip_rest_preprocessing": _skip,
    "thresholds_perf": _thresholds,
    "thresholds_drift": _never(
        "the verdict holds drift.alpha over all columns and tests; `calmops calibrate` "
        "proposes floors from your data"
    ),
    "model_spec": _model,
    "retrain_mode": _mode("retrain.mode"),
    "fallback_mode": _mode("retrain.fallback"),
    "random_state": _as("random_state"),
    "param_grid": _search,
    "cv": _search,
    "custom_train_file": _function("retrain.custom.train", "train"),
    "custom_retrain_file": _function("retrain.custom.retrain", "retrain"),
    "custom_fallback_file": _function("retrain.custom.fallback", "fallback"),
    "delimiter": _delimiter,
    "encoding": _as("source.read_options.encoding"),
    "file_type": _format,
    "target_file": _files,
    "target_files": _files,
    "window_size": _as("retrain.window_size"),
    "prediction_only": _as("prediction_only"),
    "dir_predictions": _as("predictions.path"),
    "breaker_max_failures": _as("breaker.max_failures"),
    "breaker_backoff_minutes": _as("breaker.backoff_minutes"),
    "block_col": _as("block.column"),
    "eval_blocks": _as("block.eval_blocks"),
    "blocks_eval": _as("block.eval_blocks"),
    "fallback_strategy": _as("block.fallback"),
    "split_within_blocks": _split,
    "train_percentage": _split,
    "ipip_config": _ipip,
    "schedule": _schedule,
    "early_start": _early,
    "port": _never("give `calmops dashboard --port`: one dashboard shows all pipelines"),
    "persistence": _never("give `calmops up --persistence`"),
    "max_history_size": _never("history is never trimmed; `retention` limits artifacts"),
}

__all__ = ["UPDATE_FLAGS", "Imported", "import_config"]
