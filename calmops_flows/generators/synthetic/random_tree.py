"""A random decision tree as the truth (Domingos and Hulten, 2000)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.generators.synthetic.base import Columns, Rule, Values


@dataclass(slots=True)
class Node:
    """A leaf with a class, or a split of a feature with children."""

    label: int = -1
    feature: int = -1
    threshold: float = 0.0
    children: list[Node] = field(default_factory=list)


class RandomTree(Rule):
    """Uniform numbers and categories; the class is what a random tree says."""

    seed_tree: int = 0
    """Draws the tree."""
    n_classes: int = Field(default=2, ge=2, le=1000)
    n_num_features: int = Field(default=5, ge=0, le=1000)
    n_cat_features: int = Field(default=5, ge=0, le=1000)
    n_categories_per_feature: int = Field(default=5, ge=1, le=100)
    max_tree_depth: int = Field(default=5, ge=1, le=12)
    first_leaf_level: int = Field(default=3, ge=0)
    """No leaf above this level."""
    fraction_leaves_per_level: float = Field(default=0.15, ge=0.0, le=1.0)
    """From that level on, so many nodes are leaves."""

    @model_validator(mode="after")
    def _fits(self) -> RandomTree:
        if not self.n_num_features + self.n_cat_features:
            raise ValueError("a tree needs at least one feature")
        return self

    @property
    def names(self) -> list[str]:
        """The features, numbers first."""
        numbers = [f"x_num_{i}" for i in range(self.n_num_features)]
        return numbers + [f"x_cat_{i}" for i in range(self.n_cat_features)]

    def tree(self) -> Node:
        """Draw the tree, in the order in which river draws it."""
        draw = random.Random(self.seed_tree)  # noqa: S311 - the same numbers as river's
        n = self.n_num_features
        return self._grow(0, list(range(len(self.names))), [0.0] * n, [1.0] * n, draw)

    def _grow(
        self, depth: int, left: list[int], low: list[float], high: list[float], draw: random.Random
    ) -> Node:
        is_leaf = depth >= self.max_tree_depth or (
            depth >= self.first_leaf_level and self.fraction_leaves_per_level >= 1.0 - draw.random()
        )
        if is_leaf or not left:
            return Node(label=draw.randint(0, self.n_classes - 1))
        place = draw.randint(0, len(left) - 1)
        feature = left[place]
        if feature < self.n_num_features:
            cut = (high[feature] - low[feature]) * draw.random() + low[feature]
            lower, upper = list(high), list(low)
            lower[feature] = upper[feature] = cut
            below = self._grow(depth + 1, left, low, lower, draw)
            return Node(-1, feature, cut, [below, self._grow(depth + 1, left, upper, high, draw)])
        rest = [other for other in left if other != feature]
        node = Node(-1, feature)
        for _ in range(self.n_categories_per_feature):
            node.children.append(self._grow(depth + 1, rest, low, high, draw))
        return node

    def features(self, n_rows: int, rng: np.random.Generator) -> Columns:
        """Draw the features."""
        numbers = rng.random((self.n_num_features, n_rows))
        codes = rng.integers(0, self.n_categories_per_feature, (self.n_cat_features, n_rows))
        return dict(zip(self.names, (*numbers, *codes), strict=True))

    def label(self, columns: Mapping[str, Values]) -> Values:
        """Send all rows down the tree, one level at a time."""
        feature, threshold, child, label = _flat(self.tree())
        is_number = feature < self.n_num_features
        names = self.names
        n_rows = len(columns[names[0]])
        at = np.zeros(n_rows, dtype=np.int64)
        for _ in range(self.max_tree_depth):
            for node in np.unique(at[feature[at] >= 0]):
                here = np.flatnonzero(at == node)
                values = columns[names[feature[node]]][here]
                step = values >= threshold[node] if is_number[node] else values
                at[here] = child[node] + np.asarray(step).astype(np.int64)
        return np.asarray(label[at])


def _flat(root: Node) -> tuple[Values, Values, Values, Values]:
    """Return feature, threshold, first child and label of every node; siblings are neighbours."""
    nodes, first = [root], []
    for node in nodes:  # grows while it is read: breadth first
        first.append(len(nodes))
        nodes.extend(node.children)
    return (
        np.array([node.feature for node in nodes]),
        np.array([node.threshold for node in nodes]),
        np.array(first),
        np.array([node.label for node in nodes]),
    )
