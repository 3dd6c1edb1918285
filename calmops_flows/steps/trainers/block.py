"""Kind ``block``: one model per block over a global one; only what drifted or is new is trained."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from calmops_flows.errors import ProfileError, SpecError
from calmops_flows.learning.blockwise import BlockwiseClassifier, BlockwiseRegressor
from calmops_flows.learning.retraining import RETRAINERS
from calmops_flows.learning.retraining.base import Fitted
from calmops_flows.profiles import from_bytes, merge, to_bytes
from calmops_flows.steps.decide import Opinion
from calmops_flows.steps.learn import learn
from calmops_flows.steps.past import own_profile, rows_of_blocks, with_judges
from calmops_flows.steps.trainers.base import Trainer, check_block_column, has_one_class

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from calmops_flows.data.contract import Contract
    from calmops_flows.learning.retraining.base import TrainingContext
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.steps.check_drift import Profiled
    from calmops_flows.steps.decide import Plan
    from calmops_flows.steps.evaluate import Champion, Labels, Scored
    from calmops_flows.steps.ingest import Ingested
    from calmops_flows.steps.learn import Learnt
    from calmops_flows.steps.retrain import Fitter
    from calmops_flows.steps.run import SnapshotRun
    from calmops_flows.steps.runner import StepCalls

_ESTIMATORS = {"classification": BlockwiseClassifier, "regression": BlockwiseRegressor}
# Rows of all blocks together that the global model is fitted on, the newest of each.
GLOBAL_ROWS = 100_000


class BlockTrainer(Trainer):
    """Learns block by block.

    A block with an id that the champion does not know is new: its part is fitted, and the
    global model again on the newest content of all blocks so far. A known block is trained
    when the policy asks for it, for itself alone; the other parts and the global model are
    not touched.
    """

    goes_back = False

    def check(self, spec: PipelineSpec) -> None:
        """Refuse parts of kind ``ipip``, and a block column that is the target."""
        if spec.ipip is not None:
            raise SpecError("the part ipip belongs to kind ipip, but kind is 'block'")
        check_block_column(spec)

    def reference(self, run: SnapshotRun, champion: Champion | None) -> str | None:
        """Return the block's own past where its id recurs, else the pipeline's reference."""
        return own_profile(run, champion) or super().reference(run, champion)

    def opinion(
        self, run: SnapshotRun, champion: Champion | None, labels: Labels
    ) -> Opinion | None:
        """Train what is new; never learn from blocks that judge, nor from a single class."""
        block = _block(run)
        if block in _eval_blocks(run):
            return Opinion(wants=False, reason=f"block {block!r} judges and never trains")
        if has_one_class(labels):
            who = "its earlier models or the global one" if champion else "nothing"
            reason = f"block {block!r} holds one class only, so {who} answers for it"
            return Opinion(wants=False, reason=reason)
        is_new = champion is not None and block not in champion.estimator.parts_
        if is_new and run.spec.retrain.when != "never":
            return Opinion(wants=True, reason=f"block {block!r} is new")
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
        """Train and judge; where there are evaluation blocks, their rows judge."""
        judged = with_judges(run, ingested, labels, champion, scored)
        if judged is not None:
            ingested, labels, scored = judged
        return learn(run, calls, plan, ingested, labels, champion, scored)

    def fit(self, run: SnapshotRun, context: TrainingContext, fitter: Fitter) -> Fitted:
        """Fit the part of one block, and the global model too if the block is new."""
        fitted = self._fit(run, context, fitter)
        judges = _eval_blocks(run)
        if not judges or rows_of_blocks(run, _contract(context), context.task, only=judges):
            return fitted
        note = "no evaluation block has come yet; the block's own last rows judged"
        return replace(fitted, notes=(*fitted.notes, note))

    def _fit(self, run: SnapshotRun, context: TrainingContext, fitter: Fitter) -> Fitted:
        block, before = _block(run), context.champion
        known = before.parts_.get(block, before.global_) if before is not None else None
        part = fitter(replace(context, champion=known))
        if before is None:
            return _joined(run, context, {block: part.estimator}, part.estimator, (part,))
        parts = {**before.parts_, block: part.estimator}
        if block in before.parts_:
            return _joined(run, context, parts, before.global_, (part,))
        besides = {block, *_eval_blocks(run)}
        others = rows_of_blocks(run, _contract(context), context.task, besides=besides)
        tables = [context.table, *others.values()]
        share = max(GLOBAL_ROWS // len(tables), 1)
        newest = pa.concat_tables(
            [table.slice(max(table.num_rows - share, 0)) for table in tables],
            promote_options="permissive",
        )
        everyone = RETRAINERS["full"](replace(context, champion=None, table=newest))
        everyone = replace(everyone, earlier=tuple(others))
        return _joined(run, context, parts, everyone.estimator, (part, everyone))

    def taught(self, run: SnapshotRun, profiled: Profiled, champion: Champion | None) -> str:
        """Add a new block's profile to that of all blocks the champion has learnt from."""
        before = champion.version.profile_digest if champion else None
        if champion is None or before is None:
            return profiled.digest
        if _block(run) in champion.estimator.parts_:
            return before
        try:
            both = merge(from_bytes(run.store.artifacts.get(before)), profiled.profile)
        except ProfileError:  # a column has changed its kind: the newer one is the better guide
            return profiled.digest
        return run.store.artifacts.put(to_bytes(both))


def _joined(
    run: SnapshotRun,
    context: TrainingContext,
    parts: Mapping[str, Any],
    everyone: Any,
    fits: Sequence[Fitted],
) -> Fitted:
    """Put fitted parts together; the first fit is that of the present block."""
    spec = run.spec.block
    if spec is None:
        raise AssertionError("kind block has the part block")
    model = _ESTIMATORS[context.task](context.build(), block=spec.column, fallback=spec.fallback)
    return Fitted(
        estimator=model.with_parts(parts, everyone),
        rows=fits[0].rows,
        fit_seconds=sum(fitted.fit_seconds for fitted in fits),
        mode=fits[0].mode,
        notes=tuple(dict.fromkeys(note for fitted in fits for note in fitted.notes)),
        continues=context.champion is not None,
        earlier=tuple(dict.fromkeys(digest for fitted in fits for digest in fitted.earlier)),
    )


def _contract(context: TrainingContext) -> Contract:
    """Return the contract as rows are read with it; a context asks for less of it."""
    return cast("Contract", context.contract)


def _block(run: SnapshotRun) -> str:
    if run.snapshot.block is None:
        raise AssertionError("a file is split before anything learns from it")
    return run.snapshot.block


def _eval_blocks(run: SnapshotRun) -> set[str]:
    return {str(block) for block in run.spec.block.eval_blocks} if run.spec.block else set()
