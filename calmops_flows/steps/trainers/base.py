"""What a kind of pipeline does in its own way; this one treats every file as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.errors import SpecError
from calmops_flows.steps.check_drift import learnt_profile, reference_digest
from calmops_flows.steps.decide import Opinion
from calmops_flows.steps.learn import Learnt, learn
from calmops_flows.steps.recipes import reach

if TYPE_CHECKING:
    from calmops_flows.learning.retraining.base import Fitted, TrainingContext
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.steps.check_drift import Profiled
    from calmops_flows.steps.decide import Plan
    from calmops_flows.steps.evaluate import Champion, Labels, Scored
    from calmops_flows.steps.ingest import Ingested
    from calmops_flows.steps.retrain import Fitter
    from calmops_flows.steps.run import SnapshotRun
    from calmops_flows.steps.runner import StepCalls


def has_one_class(labels: Labels) -> bool:
    """Tell whether the labelled rows show nothing that tells classes apart."""
    y = labels.y
    return labels.task == "classification" and len(y) > 0 and bool((y == y[0]).all())


def check_block_column(spec: PipelineSpec) -> None:
    """Refuse a block column that cannot say whose rows these are."""
    column = spec.block.column if spec.block else None
    if column is None:
        return
    if column == spec.target:
        raise SpecError(f"block.column {column!r} is the target, which cannot name a block")
    if spec.contract.get(column, "string") not in {"string", "category"}:
        raise SpecError(
            f"block ids are read as text, but contract.{column} says {spec.contract[column]!r}"
        )


class Trainer:
    """Learns from whole files, in the retraining mode of the spec.

    ``goes_back`` says whether an earlier version may serve again when it is better on a snapshot:
    not where a snapshot is only a part of what the model answers for.
    """

    goes_back: bool = True

    def check(self, spec: PipelineSpec) -> None:
        """Refuse a spec whose parts do not fit this kind.

        Raises
        ------
        SpecError
            If a part belongs to another kind.
        """
        for part in ("block", "ipip"):
            if getattr(spec, part) is not None:
                raise SpecError(f"the part {part} is not for kind {spec.kind!r}")

    def settled(self, spec: PipelineSpec) -> PipelineSpec:
        """Return the spec with what this kind decides by itself."""
        return spec

    def reference(self, run: SnapshotRun, champion: Champion | None) -> str | None:
        """Return the digest of the profile to compare with; None: drift is not checked."""
        return reference_digest(run, champion.version if champion else None)

    def opinion(
        self,
        run: SnapshotRun,  # noqa: ARG002 - for kinds that look at it
        champion: Champion | None,  # noqa: ARG002
        labels: Labels,  # noqa: ARG002
    ) -> Opinion | None:
        """Say whether to train, before the policy is asked; None: the policy decides."""
        return None

    def learn(
        self,
        run: SnapshotRun,
        calls: StepCalls,
        plan: Plan,
        ingested: Ingested,
        labels: Labels,
        champion: Champion | None,
        scored: Scored | None,
    ) -> Learnt | None:
        """Carry the plan out; None when it was not to train."""
        return learn(run, calls, plan, ingested, labels, champion, scored)

    def fit(
        self,
        run: SnapshotRun,  # noqa: ARG002 - for kinds that look at it
        context: TrainingContext,
        fitter: Fitter,
    ) -> Fitted:
        """Fit on the rows of a context, building on its champion where there is one.

        ``fitter`` is the mode of the spec, or the user's own function.
        """
        return fitter(context)

    def taught(
        self,
        run: SnapshotRun,
        profiled: Profiled,
        champion: Champion | None,  # noqa: ARG002 - for kinds that look at it
    ) -> str:
        """Return the digest of the profile of all that a new version has learnt from."""
        n_rows = reach(run.spec.retrain, profiled.profile.n_rows)
        return profiled.digest if n_rows is None else learnt_profile(run, profiled, n_rows)
