"""Model cards and change reports: what a reviewer asks, from what the store knows.

The sections follow "Model Cards for Model Reporting" [1]_.

References
----------
.. [1] M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from calmops_flows.reports.document import Document, Section, Table

if TYPE_CHECKING:
    from calmops_flows.read import CardView, ScoreView
    from calmops_flows.records import Comparison, Outcome

MAX_ROWS = 50


def model_card(view: CardView) -> Document:
    """Return the card of one version of a model."""
    return Document(
        f"Model card: {view.pipeline}, version {view.version}",
        (
            Section("The model", (_facts(_model(view)),)),
            Section("What it is used for", _use(view)),
            Section("What it learnt from", _data(view)),
            Section("How it was judged", _judged(view)),
            Section("Drift when it was fitted", _drift(view)),
            Section("How it did since", _since(view)),
            Section("What it rests on", (_facts(_environment(view)),)),
            Section("What to know", _caveats(view)),
        ),
    )


def change_report(before: CardView, after: CardView) -> Document:
    """Return what differs between two versions of one pipeline's model."""
    title = f"Change report: {before.pipeline}, version {before.version} to {after.version}"
    return Document(
        title,
        (
            Section("The models", (_differences(_model(before), _model(after)),)),
            Section("Why", _why(after)),
            Section("Scores", (_scores_of_both(before, after), _SCORES_NOTE)),
            Section("Data", (_differences(_sources(before), _sources(after)),)),
            Section("Columns", (_differences(_columns(before), _columns(after)),)),
            Section("Importance", (_differences(_importance(before), _importance(after)),)),
            Section("Environment", (_differences(_environment(before), _environment(after)),)),
            Section("Audit", (_audit(after),)),
        ),
    )


_SCORES_NOTE = (
    "Each version was scored on its own holdout, so the two columns are not a comparison; the "
    "paired comparison on the same rows, where there was one, stands under Why."
)


def _model(view: CardView) -> dict[str, str]:
    declared: Mapping[str, Any] = view.manifest.get("model") or {}
    facts = {
        "status": view.status,
        "retraining mode": view.mode,
        "task": str(view.manifest.get("task")),
        "estimator": str(declared.get("class") or declared.get("steps") or ""),
        "fitted at": view.created_at,
        "fit": f"{view.fit_seconds:.3g} CPU seconds on {view.manifest.get('rows')} rows",
        "parent": "none" if view.parent is None else f"version {view.parent}",
        "artifact (sha256)": view.artifact,
    }
    for name, value in (declared.get("params") or {}).items():
        facts[f"parameter {name}"] = str(value)
    return facts


def _use(view: CardView) -> tuple[str | Table, ...]:
    classes = view.manifest.get("classes")
    said = f"Predicts {view.manifest.get('target')!r}"
    if classes:
        said += f", one of {', '.join(map(str, classes[:10]))}"
        said += f" and {len(classes) - 10} more" if len(classes) > 10 else ""
    columns = {n: t for n, t in _columns(view).items() if n != view.manifest.get("target")}
    return (f"{said}, from these columns:", Table(("column", "type"), _items(columns)))


def _data(view: CardView) -> tuple[str | Table, ...]:
    rows = tuple(
        (s.snapshot, _text(s.rows), s.arrived_at, s.digest, s.data_digest or "not kept")
        for s in view.sources[:MAX_ROWS]
    )
    headers = ("snapshot", "rows", "arrived at", "sha256 of the file", "sha256 of the kept copy")
    more = len(view.sources) - MAX_ROWS
    parts: list[str | Table] = [Table(headers, rows)]
    if more > 0:
        parts.append(f"… and {more} more snapshots")
    if view.manifest.get("continues"):
        parts.append(f"It builds on version {view.parent}; what taught that one is among them.")
    return tuple(parts)


def _judged(view: CardView) -> tuple[str | Table, ...]:
    n = "an unknown number of" if view.holdout_rows is None else f"{view.holdout_rows:,}"
    parts: list[str | Table] = [
        f"On {n} rows that it had not learnt from; intervals are 95 %, from the rows' influences.",
        Table(("metric", "value", "interval"), tuple(map(_score, view.scores))),
    ]
    if view.judged_artifact:
        parts.append(
            "The version that serves was fitted once more, with the same recipe, on training and "
            "holdout rows; it has no holdout score of its own. The judged model is kept as "
            f"artifact {view.judged_artifact}."
        )
    parts.extend(_why(view))
    return tuple(parts)


def _why(view: CardView) -> tuple[str | Table, ...]:
    if view.decision is None:
        return ("No decision record is kept for it.",)
    parts: list[str | Table] = [f"Decision: {view.decision.kind} ({view.decision.reason})."]
    if view.comparison is not None:
        parts.append(_compared(view.comparison))
    if view.decision.rules:
        rows = tuple(
            (r.name, _text(r.observed), _text(r.threshold), _passed(r.passed), r.note or "")
            for r in view.decision.rules
        )
        parts.append(Table(("rule", "observed", "bound", "holds", "note"), rows))
    return tuple(parts)


def _compared(comparison: Comparison) -> str:
    if comparison.difference is None:
        return f"The comparison was untestable: {comparison.reason}."
    return (
        f"Paired comparison on {comparison.n_rows:,} rows: {comparison.metric} "
        f"{_text(comparison.champion)} (champion) and {_text(comparison.challenger)} (challenger), "
        f"gain {_text(comparison.difference)}, bounds {_text(comparison.lower)} to "
        f"{_text(comparison.upper)} at confidence {comparison.confidence:g} each."
    )


def _drift(view: CardView) -> tuple[str | Table, ...]:
    if view.drift is None:
        return ("There was nothing to compare with.",)
    rows = tuple(
        (
            "all columns together" if t.name == "*" else t.name,
            t.detector,
            _text(t.effect_size),
            _text(t.adjusted_p_value),
        )
        for t in view.drift.tests
        if t.is_drift
    )
    headers = ("column", "detector", "effect", "adjusted p")
    return (f"{view.drift}.", *((Table(headers, rows[:MAX_ROWS]),) if rows else ()))


def _since(view: CardView) -> tuple[str | Table, ...]:
    if not view.served:
        return ("It has not been scored on a later snapshot.",)
    rows = tuple(map(_outcome, view.served[-MAX_ROWS:]))
    metric = view.scores[0].metric if view.scores else "metric"
    return (Table(("snapshot", "rows", metric, "drift", "decision"), rows),)


def _outcome(outcome: Outcome) -> tuple[str, ...]:
    scores = outcome.metrics.get("champion") or {}
    shown = scores.get("balanced_accuracy", scores.get("rmse"))
    verdict = {True: "drift", False: "no drift", None: "not tested"}[outcome.drift.is_drift]
    return (outcome.snapshot, _text(outcome.rows), _text(shown), verdict, str(outcome.decision))


def _environment(view: CardView) -> dict[str, str]:
    versions: Mapping[str, Any] = view.manifest.get("versions") or {}
    return {
        **{str(name): str(version) for name, version in versions.items()},
        "spec": f"revision {view.spec_revision}",
        "audit chain": f"{'holds' if view.audit_holds else 'BROKEN'}, last hash {view.audit_hash}",
    }


def _caveats(view: CardView) -> tuple[str | Table, ...]:
    said = list(view.manifest.get("notes") or ())
    if view.decision is not None:
        said.extend(view.decision.warnings)
    if view.drift is not None:
        said.extend(view.drift.notes)
        said.extend(f"{c} could not be tested: {why}" for c, why in view.drift.untestable.items())
    said.append(
        "Scores hold for rows like those of the holdout. Loading a model runs code; its bytes are "
        "checked against the digest above first."
    )
    return tuple(dict.fromkeys(said))[:MAX_ROWS]


def _scores_of_both(before: CardView, after: CardView) -> Table:
    old = {score.metric: _score(score)[1:] for score in before.scores}
    new = {score.metric: _score(score)[1:] for score in after.scores}
    rows = tuple(
        (name, *(" ".join(side.get(name, ("-",))) for side in (old, new)))
        for name in dict.fromkeys([*old, *new])
    )
    return Table(("metric", f"version {before.version}", f"version {after.version}"), rows)


def _sources(view: CardView) -> dict[str, str]:
    return {source.snapshot: f"{source.rows} rows, {source.digest}" for source in view.sources}


def _columns(view: CardView) -> dict[str, str]:
    columns: Mapping[str, Any] = view.manifest.get("columns") or {}
    return {str(name): str(kind) for name, kind in columns.items()}


def _importance(view: CardView) -> dict[str, str]:
    found = view.manifest.get("importance") or {}
    columns = found.get("columns") or {}
    return {str(name): _text(value) for name, value in columns.items()}


def _audit(view: CardView) -> str:
    state = "holds" if view.audit_holds else "is BROKEN"
    return f"The pipeline's audit chain {state}; its last hash is {view.audit_hash}."


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> str | Table:
    names = [n for n in dict.fromkeys([*before, *after]) if before.get(n) != after.get(n)]
    if not names:
        return "No difference."
    rows = tuple((name, before.get(name, "-"), after.get(name, "-")) for name in names[:MAX_ROWS])
    return Table(("what", "before", "after"), rows)


def _facts(values: Mapping[str, str]) -> Table:
    return Table(("what", "value"), _items(values))


def _items(values: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    return tuple(_limited(values.items()))


def _limited(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    kept = list(rows)
    more = len(kept) - MAX_ROWS
    return kept if more <= 0 else [*kept[:MAX_ROWS], ("…", f"and {more} more")]


def _score(score: ScoreView) -> tuple[str, str, str]:
    known = score.lower is not None and score.upper is not None
    interval = f"{_text(score.lower)} to {_text(score.upper)}" if known else "unknown"
    return score.metric, _text(score.value), interval


def _passed(passed: bool | None) -> str:
    return {True: "yes", False: "no", None: "untestable"}[passed]


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
