"""Statistics of the pixels of every label of an image, compiled; thousands of labels in one pass.

Pixels whose value is not finite are left out. Twin: `socwidgets.kernels.labels_reference`.
"""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.doors import doors

#: Columns of the table of `label_sums`; value sums are relative to ``reference``.
COLUMNS = (
    "count", "reference", "total", "square", "low", "high", "y", "x",
    "weight", "weighted", "weighted_square",
)  # fmt: skip

door, inner = doors(error_model="numpy", fastmath={"contract", "nsz"})


@door
def label_sums(values, labels, weights, has_weights, table):
    """Sums of every label.

    Parameters
    ----------
    values, labels : ndarray
        ``(y, x)`` float and integer; labels below the number of rows of `table`, 0 = background.
    weights : ndarray
        ``(y, x)``; looked at if `has_weights`. A weight that is not above zero counts as none.
    table : ndarray
        ``(labels, len(COLUMNS))`` float64, filled. The reference is the first value of a label:
        taken from all others before they are squared, so that a small spread keeps its digits.
    """
    table[:, :] = 0.0
    table[:, 1], table[:, 4], table[:, 5] = math.nan, math.inf, -math.inf
    height, width = values.shape
    for y in range(height):
        x = 0
        while x < width:
            label, start = labels[y, x], x
            while x < width and labels[y, x] == label:
                x += 1
            if label > 0:
                _add_run(values[y], weights[y], has_weights, y, start, x, table[label])


@inner
def _add_run(values, weights, has_weights, y, start, stop, row):
    """Add neighbors of the same label; the sums stay in registers meanwhile."""
    reference = row[1]
    count, total, square, low, high, columns = 0.0, 0.0, 0.0, row[4], row[5], 0.0
    weight, weighted, weighted_square = 0.0, 0.0, 0.0
    for x in range(start, stop):
        value = np.float64(values[x])
        if not math.isfinite(value):
            continue
        if math.isnan(reference):
            reference = value
        low, high = min(low, value), max(high, value)
        value -= reference
        count += 1.0
        total += value
        square += value * value
        columns += x
        if has_weights and weights[x] > 0.0:
            part = weights[x] * value
            weight += weights[x]
            weighted += part
            weighted_square += part * value
    row[0] += count
    row[1] = reference
    row[2] += total
    row[3] += square
    row[4], row[5] = low, high
    row[6] += count * y
    row[7] += columns
    row[8] += weight
    row[9] += weighted
    row[10] += weighted_square


@door
def sort_by_label(values, labels, cursor, sorted_values):
    """Put the finite values of each label side by side (counting sort).

    Parameters
    ----------
    values, labels : ndarray
        ``(y, x)``.
    cursor : ndarray
        ``(labels,)`` intp, where each label's values begin; moved to where they end.
    sorted_values : ndarray
        ``(M,)``, at least as long as all counts together.
    """
    height, width = values.shape
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label > 0 and math.isfinite(values[y, x]):
                sorted_values[cursor[label]] = values[y, x]
                cursor[label] += 1


@door
def quantiles(sorted_values, begin, end, levels, first, last, result):
    """Quantiles of the labels ``first:last``, linear between order statistics (numpy's default).

    Parameters
    ----------
    sorted_values : ndarray
        From `sort_by_label`; reordered within each label.
    begin, end : ndarray
        ``(labels,)`` intp.
    levels : ndarray
        ``(Q,)``, ascending, in [0, 1].
    result : ndarray
        ``(labels, Q)``; NaN where a label has no value.
    """
    for label in range(first, last):
        low, stop = begin[label], end[label]
        count = stop - low
        for i in range(levels.size):
            if count == 0:
                result[label, i] = math.nan
                continue
            place = levels[i] * (count - 1)
            lower = int(place)
            at = begin[label] + lower
            _select(sorted_values, low, stop, at)
            # What lies below `at` is settled; the next level only looks further up.
            low = at
            value = np.float64(sorted_values[at])
            if place > lower:
                above = sorted_values[at + 1]
                for j in range(at + 2, stop):
                    above = min(above, sorted_values[j])
                value += (place - lower) * (above - value)
            result[label, i] = value


@inner
def _select(values, start, stop, at):
    """Reorder ``start:stop`` so that ``values[at]`` is in its sorted place (Hoare's selection)."""
    low, high = start, stop - 1
    while low < high:
        middle = low + (high - low) // 2
        # Median of three: sorted and constant values are common and must not be slow.
        if values[middle] < values[low]:
            values[middle], values[low] = values[low], values[middle]
        if values[high] < values[low]:
            values[high], values[low] = values[low], values[high]
        if values[high] < values[middle]:
            values[high], values[middle] = values[middle], values[high]
        pivot = values[middle]
        left, right = low, high
        while left <= right:
            while values[left] < pivot:
                left += 1
            while pivot < values[right]:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if at <= right:
            high = right
        elif at >= left:
            low = left
        else:
            return


@door
def depth_bins(labels, depth, bins, result):
    """Bin of each pixel by its depth relative to the deepest pixel of its label.

    Parameters
    ----------
    labels, depth : ndarray
        ``(y, x)`` integer and float, distance from the surface; of the same unit everywhere.
    bins : int
        Number of bins between surface (0) and deepest pixel (1).
    result : ndarray
        ``(y, x)`` integer, filled with ``1 + (label - 1) * bins + bin``, 0 for background.
    """
    largest = 0
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            largest = max(largest, labels[y, x])
    deepest = np.zeros(largest + 1)
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label > 0:
                deepest[label] = max(deepest[label], depth[y, x])
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            result[y, x] = 0
            if label > 0:
                share = depth[y, x] / deepest[label] if deepest[label] > 0.0 else 0.0
                result[y, x] = 1 + (label - 1) * bins + min(int(share * bins), bins - 1)
