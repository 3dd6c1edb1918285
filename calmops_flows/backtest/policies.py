"""What a policy's name means: changes to the pipeline's spec."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from calmops_flows.errors import CalmopsError, SpecError
from calmops_flows.spec import RetrainingMode
from calmops_flows.steps.changes import changed
from calmops_flows.steps.recipes import POLICIES
from calmops_flows.steps.validate import validate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from calmops_flows.settings import Settings
    from calmops_flows.spec import PipelineSpec

CURRENT, STATIC = "current", "never"
WHEN = ("never", "always", "drift", "data", "performance")
MODES: tuple[str, ...] = (*get_args(RetrainingMode), *POLICIES)
_USUAL = (CURRENT, STATIC, "always", "every:2", "drift")
_EVERY = re.compile(r"every:[1-9]\d*")
_JOINT = re.compile(r"\+(?=[a-z])")


@dataclass(frozen=True, slots=True)
class Policy:
    """A name, and the spec it stands for."""

    name: str
    spec: PipelineSpec


def policy(text: str, spec: PipelineSpec) -> Policy:
    """Read a policy.

    Parameters
    ----------
    text : str
        Parts joined by ``+``. A part is ``current``, a value of ``retrain.when``, a
        retraining mode, or ``key=value`` as ``calmops update`` takes it.
    spec : PipelineSpec
        The pipeline's own, which the parts change.

    Returns
    -------
    Policy
        With the changed spec.

    Raises
    ------
    SpecError
        If a part is unknown, or the changed spec is none.

    Examples
    --------
    >>> from calmops_flows.spec import parse_spec
    >>> spec = parse_spec({"name": "a", "target": "y", "source": {"path": "data"},
    ...                    "model": {"class": "sklearn.linear_model.LogisticRegression"}})
    >>> found = policy("every:3+window+retrain.window_size=5000", spec).spec.retrain
    >>> found.when, found.mode, found.window_size
    ('every:3', 'window', 5000)
    """
    assignments = [_assignment(part.strip()) for part in _JOINT.split(text)]
    wanted = [assignment for assignment in assignments if assignment is not None]
    return Policy(text, changed(spec, wanted) if wanted else spec)


def policies(texts: Iterable[str], spec: PipelineSpec, settings: Settings) -> tuple[Policy, ...]:
    """Read the named policies; the static one is the first of all.

    Raises
    ------
    SpecError
        If one is unknown or could not run.
    """
    named = dict.fromkeys(text.strip() for text in texts)
    found = tuple(policy(text, spec) for text in dict.fromkeys((STATIC, *named)))
    for wanted in found:
        validate(wanted.spec, settings)
    return found


def usual_policies(
    spec: PipelineSpec, settings: Settings
) -> tuple[tuple[Policy, ...], dict[str, str]]:
    """Return what is tried unless policies are named: when to train, and in which mode.

    Returns
    -------
    policies : tuple of Policy
        Those that can run; of two that mean the same, the first.
    left_out : dict of str to str
        Name and reason of those that cannot.
    """
    found: list[Policy] = []
    left_out: dict[str, str] = {}
    for text in (*_USUAL, *MODES):
        wanted = policy(text, spec)
        if any(wanted.spec == known.spec for known in found):
            continue
        try:
            validate(wanted.spec, settings)
        except CalmopsError as err:
            left_out[text] = str(err)
        else:
            found.append(wanted)
    return tuple(found), left_out


def _assignment(part: str) -> str | None:
    if part == CURRENT:
        return None
    if part in WHEN or _EVERY.fullmatch(part):
        return f"retrain.when={part}"
    if part in MODES:
        return f"retrain.mode={part}"
    if "=" in part:
        return part
    known = ", ".join((CURRENT, *WHEN, "every:N", *MODES, "key=value"))
    raise SpecError(f"a policy is made of {known}, joined by '+'; got {part!r}")
