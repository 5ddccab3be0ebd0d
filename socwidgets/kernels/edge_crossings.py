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

import numpy as np

from socwidgets.kernels.edge_scan import NOWHERE, index_of
from socwidgets.kernels.rows import inner

#: Rise over an interval, in units of a sample's noise, from which on two samples are enough: that
#: of the interval itself, and the mean of three.
_LEAST, _CLEAR = 4.0, 7.0
#: Slope of the narrow parabola, and of the wide one, in units of its own noise, from which on it
#: is used. Below the second a position has no uncertainty: it is no linear function of the noise.
_NARROW, _SIGNIFICANT = 8.0, 5.5
#: How far the slope of a parabola is off the true one, relative.
_OFF = 0.2


@inner
def gather_two(source, n, index, low, high):
    """Rows ``index - 1`` and ``index`` of `source`; those around row 1 where there is no index."""
    for p in range(n):
        row = int(index[p]) if (index[p] >= 1.0) & (index[p] < NOWHERE) else 1
        low[p] = source[row - 1, p]
        high[p] = source[row, p]


@inner
def look_up_two(table, n, index, low, high):
    """The same of a table that all pixels share."""
    for p in range(n):
        row = int(index[p]) if (index[p] >= 1.0) & (index[p] < NOWHERE) else 1
        low[p] = table[row - 1]
        high[p] = table[row]


@inner
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
    pixels = np.empty(n, np.intp)
    count = 0
    for p in range(n):
        pixels[count] = p
        count += 1 if unsure[p] != 0.0 else 0
    if count > 0:
        _through_parabolas(
            stage, variance, has_std, x, search, levels, index, level, work, unsure, pixels[:count]
        )


@inner
def _between_two(stage, x, n, search, levels, index, level, work, unsure):
    """By linear interpolation; `unsure` becomes 1 where the interval's rise is not clear.

    Three intervals tell the typical rise of one better than that one does.
    """
    position, part, slope = work[0], work[1], work[2]
    width, usual = work[5], work[6]
    for p in range(n):
        row = int(index[p]) if index[p] < NOWHERE else 1
        before, behind = max(row - 2, search[0]), min(row + 1, search[1] - 1)
        part[p], slope[p] = stage[row - 1, p], stage[row, p]
        position[p], width[p] = x[row - 1], x[row] - x[row - 1]
        usual[p] = (stage[behind, p] - stage[before, p]) * levels.share[row]
    nothing, zero, one = index_of(part, math.nan), index_of(part, 0.0), index_of(part, 1.0)
    least, typical = index_of(part, 0.5 * _LEAST**2), index_of(part, 0.5 * _CLEAR**2)
    never = index_of(part, NOWHERE)
    for p in range(n):
        rise, step = slope[p] - part[p], width[p]
        share = (level[p] - part[p]) / rise
        found = index[p] < never
        square = work[3, p] + work[4, p]
        mean = max(usual[p], zero)
        noisy = (rise * rise < least * square) | (mean * mean < typical * square)
        position[p] += share * step + (zero if found else nothing)
        part[p] = share
        slope[p] = rise / step
        unsure[p] = one if noisy & found else zero


@inner
def _through_parabolas(
    stage, variance, has_std, x, search, levels, index, level, work, unsure, pixels
):  # fmt: skip
    """Positions of the noisy `pixels`: by the narrow parabola, or else by the wide one.

    Where the slope is lost in the noise of both, `unsure` stays 1.
    """
    local, done = np.empty((8, pixels.size), stage.dtype), np.empty(pixels.size, np.intp)
    left = pixels.size
    for size in range(levels.first.shape[0]):
        _fit_parabolas(stage, x, levels, size, index, level, work, pixels[:left], local)
        _solve_parabolas(left, _SIGNIFICANT if size else _NARROW, local)
        sure, rest = 0, 0
        for i in range(left):
            p, good = pixels[i], local[7, i] != 0.0
            done[sure], pixels[rest] = p, p
            local[0, sure], local[1, sure] = local[0, i], local[1, i]
            sure += 1 if good else 0
            rest += 0 if good else 1
        left = rest
        _look_around(stage, variance, has_std, x, search, index, level, work, done[:sure], local)
        _step_from(sure, local)
        for i in range(sure):
            p = done[i]
            work[0, p], work[1, p], work[2, p] = local[0, i], local[1, i], local[2, i]
            unsure[p] = 0.0
    for i in range(left):
        work[2, pixels[i]] = math.nan


@inner
def _fit_parabolas(stage, x, levels, size, index, level, work, pixels, local):
    """Local parabola of each pixel around the sample next to the crossing.

    ``local (8, n)`` gets the position of that sample, slope, bend, value less the level, the unit
    variances of the slope, and one and a half intervals.
    """
    count = levels.counts[size]
    for i in range(pixels.size):
        p = pixels[i]
        row = int(index[p])
        center = row if work[1, p] > 0.5 else row - 1
        first = levels.first[size, center]
        value, slope, bend = -level[p], 0.0 * level[p], 0.0 * level[p]
        for j in range(count):
            sample = stage[first + j, p]
            value += levels.weights[size, center, 0, j] * sample
            slope += levels.weights[size, center, 1, j] * sample
            bend += levels.weights[size, center, 2, j] * sample
        local[0, i], local[1, i], local[2, i], local[3, i] = x[center], slope, bend, value
        mean = index_of(stage, 0.5) * (work[3, p] + work[4, p])
        for k in range(3):
            local[4 + k, i] = mean * levels.unit[size, center, k]
        local[7, i] = index_of(stage, 1.5) * (x[row] - x[row - 1])


@inner
def _solve_parabolas(n, least, local):
    """Where each parabola has the level, and its slope there, into the first two rows.

    The last row becomes 1 where that slope stands out of its noise, else 0.
    """
    one, zero = index_of(local, 1.0), index_of(local, 0.0)
    square = index_of(local, least * least)
    for i in range(n):
        slope, bend, value, reach = local[1, i], local[2, i], local[3, i], local[7, i]
        u, steep = zero, slope
        for _ in range(2):
            u -= (value + u * (slope + u * bend)) / steep
            u = min(max(u, -reach), reach)
            steep = slope + u * (bend + bend)
        spread = local[4, i] + u * (local[5, i] + u * local[6, i])
        local[0, i] += u
        local[1, i] = steep
        sure = (steep > zero) & (steep * steep > square * spread)
        local[7, i] = one if sure else zero


@inner
def _look_around(stage, variance, has_std, x, search, index, level, work, pixels, local):
    """The two samples around each place into `local`, from its third row on.

    These are their values, the position of the first, the interval, the sum of their variances
    and the level.
    """
    for i in range(pixels.size):
        p, place = pixels[i], local[0, i]
        row = int(index[p])
        while row < search[1] - 1 and x[row] < place:
            row += 1
        while row > search[0] + 1 and x[row - 1] > place:
            row -= 1
        if has_std:
            work[3, p], work[4, p] = variance[row - 1, p], variance[row, p]
        local[2, i], local[3, i] = stage[row - 1, p], stage[row, p]
        local[4, i], local[5, i] = x[row - 1], x[row] - x[row - 1]
        local[6, i], local[7, i] = work[3, p] + work[4, p], level[p]


@inner
def _step_from(n, local):
    """One step of Newton's method from each place, along the straight line between its samples.

    ``local[:3]`` gets position, part of the interval before the place, slope.
    """
    one, zero = index_of(local, 1.0), index_of(local, 0.0)
    square = index_of(local, _OFF**2)
    for i in range(n):
        place, steep, low, step = local[0, i], local[1, i], local[2, i], local[5, i]
        per_step = one / step
        part = min(max((place - local[4, i]) * per_step, zero), one)
        rise = local[3, i] - low
        own = rise * per_step
        # Both slopes, by what they are worth: one is noisy, the other is off by a part of itself.
        off = square * steep * steep
        slope = steep + (own - steep) * off / (off + local[6, i] * per_step * per_step)
        local[0, i] = place + (local[7, i] - low - part * rise) / slope
        local[1, i] = part
        local[2, i] = slope
