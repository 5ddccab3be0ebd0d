"""Where to begin to follow the drift of a series whose first frames show nothing but noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

#: Pairs of neighbors that are looked at, spread over the series.
_PAIRS = 24


class Comparison(Protocol):
    """What tells how far and how much alike two prepared frames are."""

    def displacement(self, reference: np.ndarray, moved: np.ndarray, upsample: int) -> np.ndarray:
        """``(dy, dx)`` in px by which `moved` is displaced."""

    def correlation(self, reference: np.ndarray, aligned: np.ndarray) -> float:
        """Pearson correlation; NaN without contrast."""


def clearest_frame(
    prepared: Callable[[int], np.ndarray],
    n: int,
    compare: Comparison,
    move: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> int:
    """Number of the frame that resembles the one behind it most.

    Below an absorption edge a thin sample can be all but invisible. Followed from there, each frame
    is laid on the peak that noise makes, and whether any meets the reference is chance.

    Parameters
    ----------
    prepared : callable
        Index -> frame, as the comparison wants it.
    n : int
        Number of frames, two or more.
    compare : Comparison
        Tells displacement and correlation.
    move : callable
        Frame and displacement -> frame brought back by it.
    """
    first = np.unique(np.linspace(0, n - 2, min(_PAIRS, n - 1)).round().astype(int))
    likeness = np.full(first.size, -np.inf)
    for k, i in enumerate(first):
        a, b = prepared(int(i)), prepared(int(i) + 1)
        if a.any() and b.any():
            found = compare.correlation(a, move(b, compare.displacement(a, b, 1)))
            likeness[k] = found if np.isfinite(found) else -np.inf
    return int(first[int(np.argmax(likeness))])
