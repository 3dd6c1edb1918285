"""IPIP: an ensemble of ensembles for rare classes, which adapts block by block."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from calmops_flows.errors import ModelError
from calmops_flows.learning.checks import check_comparable, check_parameters
from calmops_flows.learning.ensembles import Growth, score
from calmops_flows.learning.problems import (
    Lesson,
    Problem,
    elected,
    learn,
    probabilities,
    problems_for,
)
from calmops_flows.learning.roles import assign_roles, lacks, row_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

_LARGEST_SEED = 2**31 - 1
_TREES = 20


class IPIPClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # no types there
    """Identical Partitions for Imbalance Problems: an ensemble of ensembles, updated by block [1]_.

    A share of each block is set aside. From the rest p partitions are drawn independently; an
    ensemble grows on each by models fitted on balanced resamples, and a model stays only if it
    raises the metric on one half of what was set aside. A new block grows p new ensembles; of old
    and new the best are kept by the other half, which none of them was trained or grown on.

    Parameters
    ----------
    estimator : classifier, optional
        Fitted for each model; default: a random forest of 20 trees.
    minority_fraction : float, default 0.75
        Share of the minority rows that a partition draws.
    majority_share : float, default 0.55
        Share of majority rows within a partition.
    max_attempts : int, optional
        Misses in a row after which an ensemble stops growing; default: the author's third of the
        models that it still lacks.
    metric : {"balanced_accuracy", "kappa", "mcc"}, default "balanced_accuracy"
        What a model must raise to stay, and what ensembles are kept by.
    validation_share : float, default 0.2
        Expected share of each class that is set aside.
    voting : {"soft", "quorum"}, default "soft"
        Prediction by the mean probability over ensembles, each the mean over its models; or by
        the authors' rule: an ensemble votes for the rarer class if 3 of 4 of its models see it,
        and half of the ensembles decide. Probabilities are the means in both cases.
    n_jobs : int, optional
        Processes that grow ensembles; the result does not depend on it.
    random_state : int, RandomState or None
        Source of all choices. An integer gives other choices for each update.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels seen so far, sorted.
    p_ : int
        Ensembles that are kept; with more than two classes over all one-vs-rest problems.
    b_ : int
        Most models an ensemble of the last block could have.
    ensembles_ : list of list of classifier
        The models by ensemble; class 1 of each is the positive class of its problem.
    sizes_ : list of int
        Models by ensemble.
    n_new_, replacement_share_ : int, float
        Ensembles of the last block among the kept, and their share.
    validation_scores_ : list of float
        Metric of each ensemble on the pruning rows; NaN where these lack a class.
    validation_score_ : float or None
        Metric of the whole on the pruning rows of the last block. After an update the kept were
        chosen on these rows, so it is optimistic. None where they lack a class.
    n_updates_ : int
        Updates since the fit.
    notes_ : tuple of str
        What the last block lacked.
    problems_ : tuple of Problem
        All of it by class against the rest; one problem with two classes.

    Notes
    -----
    A row's role (train, grow, prune) is a function of its content and of a salt drawn in ``fit``,
    so a row that comes again in a later block is never judged on by what was trained on it.

    References
    ----------
    .. [1] A. Guillén-Teruel, M. Caracena, J. A. Pardo, F. de-la-Gándara, J. Palma and J. A. Botía,
       "IPIP: A new approach to inverse classification via identical partitions", 2022.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(1200, weights=[0.95], flip_y=0, random_state=0)
    >>> model = IPIPClassifier(random_state=0).fit(X[:600], y[:600])
    >>> model.p_, model.b_, model.update(X[600:], y[600:]).n_updates_
    (7, 5, 1)
    """

    classes_: NDArray[Any]
    problems_: tuple[Problem, ...]
    notes_: tuple[str, ...]
    validation_score_: float | None

    def __init__(  # noqa: PLR0913 - scikit-learn's form
        self,
        estimator: Any = None,
        *,
        minority_fraction: float = 0.75,
        majority_share: float = 0.55,
        max_attempts: int | None = None,
        metric: str = "balanced_accuracy",
        validation_share: float = 0.2,
        voting: Literal["soft", "quorum"] = "soft",
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.minority_fraction = minority_fraction
        self.majority_share = majority_share
        self.max_attempts = max_attempts
        self.metric = metric
        self.validation_share = validation_share
        self.voting = voting
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Grow the first ensembles on a block.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Numbers; missing ones if the estimator takes them.
        y : array-like of shape (n,)
            Labels of at least two classes.

        Returns
        -------
        Self
            The fitted classifier.

        Raises
        ------
        ModelError
            If there are fewer than two classes.
        SpecError
            If a parameter is out of range.
        """
        check_parameters(self)
        X, y = self._validated(X, y, reset=True)
        classes = np.unique(y)
        if len(classes) < 2:
            raise ModelError(
                f"needs two classes to tell apart, found one class: {classes.tolist()[0]!r}"
            )
        entropy = _entropy(self.random_state)
        self.salt_, self.moved_, self.n_updates_ = entropy, np.empty(0, dtype=np.uint64), 0
        self._learn(X, y, classes, problems_for(classes, None, ()), [entropy])
        return self

    def update(self, X: Any, y: Any) -> Self:
        """Learn from a new block, keeping what is still best of the old.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Rows of the new block only.
        y : array-like of shape (n,)
            Labels; new ones are learnt. With one class nothing is, and `notes_` says so.

        Returns
        -------
        Self
            This classifier, changed.

        Raises
        ------
        ModelError
            If the labels cannot be compared with those of before.
        SpecError
            If a parameter is out of range.
        """
        check_is_fitted(self, "problems_")
        check_parameters(self)
        X, y = self._validated(X, y, reset=False)
        check_comparable(self.classes_, y)
        n = self.n_updates_ + 1
        if (y == y[0]).all():
            self._keep(f"the block holds one class only, {y[:1].tolist()[0]!r}: nothing was learnt")
        else:
            classes = np.union1d(self.classes_, y)
            problems = problems_for(classes, self.classes_, self.problems_)
            self._learn(X, y, classes, problems, [_entropy(self.random_state), n])
        self.n_updates_ = n
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the mean probability of each class over the ensembles.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n, n_classes)
            In the order of ``classes_``; rows sum to 1.
        """
        rows = self._rows(X)
        return probabilities(self.problems_, rows)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the label of each row.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n,)
            Labels by the rule of ``voting``.
        """
        said = self._said(self._rows(X))
        return np.asarray(self.classes_[said])

    @property
    def ensembles_(self) -> list[list[Any]]:
        """Models by ensemble."""
        return [list(one.models) for problem in self.problems_ for one in problem.ensembles]

    @property
    def sizes_(self) -> list[int]:
        """Number of models by ensemble."""
        return [len(models) for models in self.ensembles_]

    @property
    def p_(self) -> int:
        """Ensembles that are kept."""
        return len(self.ensembles_)

    @property
    def b_(self) -> int:
        """Most models of an ensemble."""
        b: int = max(problem.size.b for problem in self.problems_)
        return b

    @property
    def n_new_(self) -> int:
        """Ensembles of the last block among the kept."""
        return sum(problem.n_new for problem in self.problems_)

    @property
    def replacement_share_(self) -> float:
        """Share of the kept ensembles that the last block grew."""
        return self.n_new_ / self.p_

    @property
    def validation_scores_(self) -> list[float]:
        """Metric of each ensemble on the pruning rows."""
        return [score for problem in self.problems_ for score in problem.scores]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.estimator is None or hasattr(self.estimator, "__sklearn_tags__"):
            tags.input_tags.allow_nan = get_tags(self._model()).input_tags.allow_nan
        return tags

    def _model(self) -> Any:
        if self.estimator is not None:
            return self.estimator
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(_TREES)

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        X, y = validate_data(self, X, y, reset=reset, **_rules(self))
        check_classification_targets(y)
        return X, y

    def _rows(self, X: Any) -> Any:
        check_is_fitted(self, "problems_")
        return validate_data(self, X, reset=False, **_rules(self))

    def _learn(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        classes: NDArray[Any],
        problems: tuple[Problem, ...],
        entropy: list[int],
    ) -> None:
        """Bring each problem up to date with a block, then take over all at once."""
        keys, codes = row_keys(X, self.salt_), np.searchsorted(classes, y)
        roles = assign_roles(keys, codes, share=self.validation_share, moved=self.moved_)
        rules = (self.majority_share, self.max_attempts, self.metric, bool(np.isfinite(X).all()))
        learnt = learn(
            problems,
            Lesson(X, y, roles),
            Growth(self._model(), *rules),
            np.random.SeedSequence(entropy),
            minority_fraction=self.minority_fraction,
            n_jobs=self.n_jobs,
        )
        self.classes_, self.problems_ = classes, learnt
        self.moved_ = np.union1d(self.moved_, roles.moved)
        self.notes_ = tuple(lacks(classes, codes, roles))
        self.validation_score_ = self._score(X[roles.prune], codes[roles.prune], codes)

    def _keep(self, why: str) -> None:
        """Leave the ensembles as they are."""
        self.problems_ = tuple(replace(problem, n_new=0) for problem in self.problems_)
        self.notes_ = (why,)
        self.validation_score_ = None

    def _score(self, X: NDArray[Any], truth: Codes, codes: Codes) -> float | None:
        """Score the whole on the pruning rows."""
        if len(np.unique(truth)) < len(np.unique(codes)):
            return None
        return score(self.metric, truth, self._said(X), len(self.classes_))

    def _said(self, X: NDArray[Any]) -> Codes:
        decide = elected if self.voting == "quorum" else probabilities
        return np.asarray(decide(self.problems_, X).argmax(axis=1))


def _entropy(random_state: Any) -> int:
    return int(check_random_state(random_state).randint(_LARGEST_SEED))


def _rules(model: IPIPClassifier) -> dict[str, Any]:
    takes_missing = get_tags(model).input_tags.allow_nan
    return {"dtype": np.float64, "ensure_all_finite": "allow-nan" if takes_missing else True}
