"""The rhythm features, gathered into what a clinician would name: the interval before, the one after, the rhythm around."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

BEFORE, AFTER, AROUND, OTHERS = "interval before", "interval after", "rhythm around", "other beats"

RHYTHM_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    BEFORE: (
        "pre_rr", "pre_to_local", "pre_to_wide", "pre_to_record", "pre_to_previous", "pre_to_long_local", "pre_to_long_wide",
        "pre_to_long_record", "pre_rank_wide", "pre_rank_record", "beats_since_long",
    ),
    AFTER: ("post_rr", "post_to_local", "post_to_pre", "pair_to_local", "post_to_long_wide", "beats_until_long"),
    AROUND: ("irregularity_local", "irregularity_wide", "previous_to_local", "next_to_local", "long_to_median_wide"),
}  # fmt: skip
"""The interval after is judged beside the one before (a pause that makes up for an early beat): both in one belongs to it."""


def group_of(feature: str) -> str:
    """Return the group of a rhythm feature; one that is not known belongs to the rhythm around."""
    return next((name for name, members in RHYTHM_GROUPS.items() if feature in members), AROUND)


def sum_groups(features: Mapping[str, float]) -> dict[str, float]:
    """Return the sum over each group; nothing where there are no features."""
    if not features:
        return {}
    return {name: sum(value for feature, value in features.items() if group_of(feature) == name) for name in RHYTHM_GROUPS}
