"""Tables of white-line windows that follow each pixel's own peak."""

from __future__ import annotations

from math import comb
from typing import NamedTuple

import numpy as np

from socwidgets.kernels.edge_tables import WhiteLine

#: Centers whose slopes a curve passes; with two, the histogram of an even distribution has ripples
#: of 14 %, with four of 1 %.
_NODES = 4


class Sliding(NamedTuple):
    """Curves between each window center and the next, as polynomials in ``u = x - center``.

    ``first (C,)`` staged row where the samples of an entry start, ``samples (C,)`` how many there
    are, ``width (C,)`` distance to the next center. ``slope (C, m, S)`` makes of the samples the
    coefficients of the polynomial that passes the slopes (per x) of the local polynomials at the
    centers around; ``height (C, degree + 2, S)`` those of the value, which goes from the local
    polynomial at this center to that at the next. The last entry has no slope.
    """

    first: np.ndarray
    samples: np.ndarray
    width: np.ndarray
    slope: np.ndarray
    height: np.ndarray


def sliding_table(line: WhiteLine) -> Sliding:
    """Tables for the windows of `line`; empty ones where there are not several."""
    count, terms = line.first.size, line.weights.shape[1]
    if count < 2:
        none = np.empty(0, dtype=np.intp)
        flat = np.zeros((0, 0, 0))
        return Sliding(none, none, np.empty(0), flat, flat)
    nodes = min(_NODES, count)
    near = np.clip(np.arange(count) - 1, 0, count - nodes)
    first = np.minimum(line.first[near], line.first)
    stops = line.first + line.samples
    stop = np.maximum(stops[near + nodes - 1], stops)
    samples = stop - first
    width = np.append(np.diff(line.center), 1.0)
    slope = np.zeros((count, nodes, samples.max()))
    height = np.zeros((count, terms + 1, samples.max()))
    for entry in range(count):
        held = slice(first[entry], stop[entry])
        own = _over(line, entry, held)
        if entry == count - 1:
            height[entry, :terms, : samples[entry]] = own
            continue
        around = range(near[entry], near[entry] + nodes)
        at = line.center[list(around)] - line.center[entry]
        # Scaled, so that powers of the distances do not differ by orders of magnitude.
        size = np.abs(at).max()
        powers = np.linalg.inv((at / size)[:, None] ** np.arange(nodes))
        powers /= (size ** np.arange(nodes))[:, None]
        slope[entry, :, : samples[entry]] = powers @ [_over(line, k, held)[1] for k in around]
        behind = _moved(_over(line, entry + 1, held), -width[entry])
        height[entry, :terms, : samples[entry]] = own
        height[entry, 1:, : samples[entry]] += (behind - own) / width[entry]
    return Sliding(first, samples, width, slope, height)


def _over(line: WhiteLine, entry: int, held: slice) -> np.ndarray:
    """Weights ``(degree + 1, samples)`` of the coefficients in powers of x - center, over rows."""
    count, start = line.samples[entry], line.first[entry] - held.start
    result = np.zeros((line.weights.shape[1], held.stop - held.start))
    result[:, start : start + count] = line.weights[entry, :, :count]
    return result / (line.half[entry] ** np.arange(result.shape[0]))[:, None]


def _moved(weights: np.ndarray, by: float) -> np.ndarray:
    """Weights of the coefficients of ``q(u) = p(u + by)``."""
    terms = weights.shape[0]
    # comb(j, k) is zero below the diagonal.
    shift = [[comb(j, k) * by ** max(j - k, 0) for j in range(terms)] for k in range(terms)]
    return np.array(shift) @ weights
