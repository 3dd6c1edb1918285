"""Profiles: what a batch of rows looks like, in bounded space."""

from __future__ import annotations

from calmops_flows.profiles.categorical import bucket_counts
from calmops_flows.profiles.coarsen import Coarsening, coarsen
from calmops_flows.profiles.codec import column_from_bytes, from_bytes, to_bytes
from calmops_flows.profiles.column import CategoricalColumn, Column, CountedColumn, NumericColumn
from calmops_flows.profiles.merge_all import merge_all
from calmops_flows.profiles.profile import Profile, merge, profile
from calmops_flows.profiles.sample import RowSample, merge_samples, sample_rows, shrink
from calmops_flows.profiles.spread import Spread, here

__all__ = [
    "CategoricalColumn",
    "Coarsening",
    "Column",
    "CountedColumn",
    "NumericColumn",
    "Profile",
    "RowSample",
    "Spread",
    "bucket_counts",
    "coarsen",
    "column_from_bytes",
    "from_bytes",
    "here",
    "merge",
    "merge_all",
    "merge_samples",
    "profile",
    "sample_rows",
    "shrink",
    "to_bytes",
]
