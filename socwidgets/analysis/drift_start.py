"""Looks at a series of frames before its drift is believed: where to begin, and what turns over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from socwidgets.analysis.frame_threads import each_frame
from socwidgets.model.errors import DataError
from socwidgets.model.watch import NOBODY, Watch

#: Pairs of neighbors that are looked at, spread over the series.
_PAIRS = 24
#: Neighbors that correlate by less than this show the negative of each other: noise does not, and
#: drift from one frame to the next is small against what they show.
_NEGATIVE = -0.3


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


def refuse_inversion(
    prepared: Callable[[int], np.ndarray],
    n: int,
    compare: Comparison,
    move: Callable[[np.ndarray, np.ndarray], np.ndarray],
    watch: Watch = NOBODY,
) -> None:
    """Raise `DataError` where frames show the negative of the frame before them.

    Laid on such a frame, the largest correlation lies on some neighbor of the true place: nothing
    in the drift tells that it is wrong by several pixels.

    Parameters
    ----------
    prepared, n, compare, move
        As for `clearest_frame`.
    watch : Watch
        Told at every frame.
    """
    found, before = {}, np.zeros(1)
    for i, image in each_frame(prepared, range(n), watch):
        if i == 0:
            before = image
        if i == 0 or not image.any():
            continue
        likeness = compare.correlation(before, image) if before.any() else 0.0
        if likeness < _NEGATIVE:
            # A large step lays particles on the halos that filtering gives them, too.
            moved = move(image, compare.displacement(before, image, 1))
            if not compare.correlation(before, moved) > -likeness:
                found[i] = likeness
        before = image
    if found:
        raise DataError(
            "the contrast of the frames turns over: the largest correlation of a frame with a "
            "negative of it lies several pixels off",
            expected=f"frames that correlate with the one before by more than {_NEGATIVE:g}",
            found=", ".join(f"{r:.2f} in frame {i}" for i, r in [*found.items()][:5]),
            fix="register with image='gradient', which compares edges",
        )
