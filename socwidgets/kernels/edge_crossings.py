"""Where a run of pixels crosses a level, and how sure that is, compiled.

Between two samples that noise hardly moves, a straight line is all that is needed: the position's
error is the line's error over its slope. Where noise is not small against the rise of one interval
this fails twice: the slope of two noisy samples is far off, and the first crossing is the one that
noise makes first. There the spectrum is looked at through a local parabola (`Levels`): it says
about where the level is and how steep the spectrum is there, and one step of Newton's method from
that place, with the straight line between the samples, gives the position. To first order the
parabola's own noise cancels, and without noise both ways agree.
"""

from __future__ import annotations

import math

from socwidgets.kernels.edge_scan import NOWHERE, index_of
from socwidgets.kernels.rows import compiled

#: Rise over an interval, in units of a sample's noise, from which on two samples are enough: that
#: of the interval itself, and the mean of three.
_LEAST, _CLEAR = 4.0, 7.0
#: Slope of the narrow parabola, and of the wide one, in units of its own noise, from which on it
#: is used. Below the second a position has no uncertainty: it is no linear function of the noise.
_NARROW, _SIGNIFICANT = 8.0, 5.5
#: How far the slope of a parabola is off the true one, relative.
_OFF = 0.2


@compiled
def gather_two(source, n, index, low, high):
    """Rows ``index - 1`` and ``index`` of `source`; those around row 1 where there is no index."""
    for p in range(n):
        row = int(index[p]) if (index[p] >= 1.0) & (index[p] < NOWHERE) else 1
        low[p] = source[row - 1, p]
        high[p] = source[row, p]


@compiled
def look_up_two(table, n, index, low, high):
    """The same of a table that all pixels share."""
    for p in range(n):
        row = int(index[p]) if (index[p] >= 1.0) & (index[p] < NOWHERE) else 1
        low[p] = table[row - 1]
        high[p] = table[row]


@compiled
def find_crossings(
    stage, variance, has_std, noise, x, n, search, levels, index, level, work, unsure
):  # fmt: skip
    """Position of each crossing, and what its uncertainty is made of.

    Parameters
    ----------
    stage, variance : ndarray
        ``(R, n)``, samples and, with `has_std`, their variances.
    noise : ndarray
        ``(n,)``, variance of a sample otherwise.
    x : ndarray
        ``(R,)``.
    search : tuple of int
        First and last + 1 row that may be used.
    levels : Levels
        Local parabolas.
    index, level : ndarray
        ``(n,)``, row at whose sample the level is first reached, and the level.
    work : ndarray
        ``(8, n)``; gets position (NaN where the level is not crossed), part of the interval that
        lies before it, slope, and the variances of the samples before and behind.
    unsure : ndarray
        ``(n,)``; gets 1 where noise is too large for an uncertainty (the slope is NaN), else 0.
    """
    if has_std:
        gather_two(variance, n, index, work[3], work[4])
    else:
        work[3, :n] = noise[:n]
        work[4, :n] = noise[:n]
    _between_two(stage, x, n, search, levels, index, level, work, unsure)
    for p in range(n):
        if unsure[p] != 0.0:
            unsure[p] = _through_parabola(
                stage, variance, has_std, x, search, levels, int(index[p]), level[p], work, p
            )


@compiled
def _between_two(stage, x, n, search, levels, index, level, work, unsure):
    """By linear interpolation; `unsure` becomes 1 where the interval's rise is not clear.

    Three intervals tell the typical rise of one better than that one does.
    """
    position, part, slope, right, across, span = (
        work[0],
        work[1],
        work[2],
        work[5],
        work[6],
        work[7],
    )
    gather_two(stage, n, index, part, slope)
    look_up_two(x, n, index, position, right)
    for p in range(n):
        row = int(index[p]) if index[p] < NOWHERE else 1
        before, behind = max(row - 2, search[0]), min(row + 1, search[1] - 1)
        across[p] = stage[behind, p] - stage[before, p]
        span[p] = levels.span[row]
    nothing, zero, one = index_of(part, math.nan), index_of(part, 0.0), index_of(part, 1.0)
    least, typical = index_of(part, 0.5 * _LEAST**2), index_of(part, 0.5 * _CLEAR**2)
    never = index_of(part, NOWHERE)
    for p in range(n):
        rise, step = slope[p] - part[p], right[p] - position[p]
        share = (level[p] - part[p]) / rise
        found = index[p] < never
        square = work[3, p] + work[4, p]
        usual = max(across[p] * span[p] * step, zero)
        noisy = (rise * rise < least * square) | (usual * usual < typical * square)
        position[p] += share * step + (zero if found else nothing)
        part[p] = share
        slope[p] = rise / step
        unsure[p] = one if noisy & found else zero


@compiled
def _through_parabola(stage, variance, has_std, x, search, levels, row, level, work, p):
    """Position of one noisy pixel; 1 if the slope is lost in the noise."""
    step = x[row] - x[row - 1]
    center = row if work[1, p] > 0.5 else row - 1
    mean = 0.5 * (work[3, p] + work[4, p])
    u, steep, sure = 0.0, 0.0, False
    for size in range(levels.first.shape[0]):
        u, steep = _on_parabola(stage, levels, size, center, level, 1.5 * step, p)
        unit = levels.unit[size, center]
        spread = mean * (unit[0] + u * (unit[1] + u * unit[2]))
        least = _SIGNIFICANT if size else _NARROW
        sure = (steep > 0.0) & (steep * steep > least * least * spread)
        if sure:
            break
    if not sure:
        work[2, p] = math.nan
        return 1.0
    place = x[center] + u
    while row < search[1] - 1 and x[row] < place:
        row += 1
    while row > search[0] + 1 and x[row - 1] > place:
        row -= 1
    if has_std:
        work[3, p], work[4, p] = variance[row - 1, p], variance[row, p]
    low, step = stage[row - 1, p], x[row] - x[row - 1]
    part = min(max((place - x[row - 1]) / step, 0.0), 1.0)
    own = (stage[row, p] - low) / step
    # Both slopes, by what they are worth: one is noisy, the other is off by a part of itself.
    off = (_OFF * steep) ** 2
    slope = steep + (own - steep) * off / (off + (work[3, p] + work[4, p]) / step**2)
    work[0, p] = place + (level - low - part * step * own) / slope
    work[1, p] = part
    work[2, p] = slope
    return 0.0


@compiled
def _on_parabola(stage, levels, size, center, level, reach, p):
    """Where a local parabola has the level, from its center, and its slope there."""
    first, weights = levels.first[size, center], levels.weights[size, center]
    value, slope, bend = 0.0, 0.0, 0.0
    for j in range(levels.counts[size]):
        sample = stage[first + j, p]
        value += weights[0, j] * sample
        slope += weights[1, j] * sample
        bend += weights[2, j] * sample
    u, steep = 0.0, slope
    for _ in range(2):
        u -= (value - level + u * (slope + u * bend)) / steep
        u = min(max(u, -reach), reach)
        steep = slope + 2.0 * u * bend
    return u, steep
