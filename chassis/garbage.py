"""Rarer collections of cyclic garbage: a batch makes thousands of objects that die by themselves, in no cycle."""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 100_000, 20, 50


def collect_rarely() -> None:
    """Leave out what a started process keeps for ever, and look at the rest a hundred times less often.

    Measured on a consumer's batches: a third of its processor time went into collections that found nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
