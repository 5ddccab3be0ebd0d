"""Shape of every label of an image or a volume, compiled: thousands of particles in one pass.

Twin: `socwidgets.kernels.regions_reference`.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import find_objects

from socwidgets.kernels.doors import doors

#: Columns of `region_moments`: sums over the pixels of a label, in pixel indices.
MOMENTS = ("count", "z", "y", "x", "zz", "yy", "xx", "zy", "zx", "yx")

door, inner = doors(error_model="numpy")


@door
def region_moments(labels, table):
    """Sums of indices and of their products for every label.

    Parameters
    ----------
    labels : ndarray
        ``(z, y, x)`` integer, 0 = background, below the number of rows of `table`.
    table : ndarray
        ``(labels, 10)`` float64, filled. Indices count from the first pixel of a label, so that
        products keep their digits.

    Returns
    -------
    ndarray
        ``(labels, 3)`` index (z, y, x) of the first pixel of each label: the origin of its sums.
    """
    table[:, :] = 0.0
    origin = np.zeros((table.shape[0], 3))
    for z in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            for x in range(labels.shape[2]):
                label = labels[z, y, x]
                if label <= 0:
                    continue
                if table[label, 0] == 0.0:
                    origin[label, 0], origin[label, 1], origin[label, 2] = z, y, x
                dz, dy = z - origin[label, 0], y - origin[label, 1]
                dx = x - origin[label, 2]
                row = table[label]
                row[0] += 1.0
                row[1] += dz
                row[2] += dy
                row[3] += dx
                row[4] += dz * dz
                row[5] += dy * dy
                row[6] += dx * dx
                row[7] += dz * dy
                row[8] += dz * dx
                row[9] += dy * dx
    return origin


def hulls(labels: np.ndarray) -> np.ndarray:
    """``(labels,)`` area of the convex hull of every label of a ``(y, x)`` image, pixels."""
    boxes = find_objects(labels)
    first = np.array([0, *(b[0].start if b else 0 for b in boxes)], dtype=np.int64)
    rows = np.array([0, *(b[0].stop - b[0].start if b else 0 for b in boxes)], dtype=np.int64)
    end = np.cumsum(rows)
    begin = end - rows
    spans = np.empty((int(end[-1]), 2), np.int64)
    spans[:, 0], spans[:, 1] = labels.shape[1], -1
    row_spans(labels, first, begin, spans)
    result = np.empty(begin.size)
    hull_areas(spans, begin, end, result)
    return result


@door
def row_spans(labels, first, begin, spans):
    """Leftmost and rightmost pixel of every label in every row.

    Parameters
    ----------
    labels : ndarray
        ``(y, x)`` integer.
    first, begin : ndarray
        ``(labels,)`` first row of each label, and where its rows begin in `spans`.
    spans : ndarray
        ``(rows of all labels, 2)`` integer, filled before with (large, -1).
    """
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label > 0:
                at = begin[label] + y - first[label]
                spans[at, 0] = min(spans[at, 0], x)
                spans[at, 1] = max(spans[at, 1], x)


@door
def hull_areas(spans, begin, end, result):
    """Area of the convex hull of the pixels (as squares) of every label.

    Parameters
    ----------
    spans : ndarray
        From `row_spans`; rows without a pixel have -1 on the right.
    begin, end : ndarray
        ``(labels,)``.
    result : ndarray
        ``(labels,)`` float64, filled, in pixels; 0 for a label without rows.
    """
    for label in range(begin.size):
        rows = end[label] - begin[label]
        result[label] = 0.0
        if rows > 0:
            part = spans[begin[label] : end[label]]
            result[label] = _envelope(part, rows, 1) - _envelope(part, rows, -1)


@inner
def _envelope(spans, rows, side):
    """Area under the concave (side 1) or convex (-1) envelope of one side of a label."""
    at = np.empty(rows + 1, np.float64)
    edge = np.empty(rows + 1, np.float64)
    size = 0
    for corner in range(rows + 1):
        best = -np.inf
        for row in (corner - 1, corner):
            if 0 <= row < rows and spans[row, 1] >= 0:
                value = spans[row, 1] + 1.0 if side > 0 else -np.float64(spans[row, 0])
                best = max(best, value)
        if best == -np.inf:
            continue
        # Drop corners that lie below the line from the one before them to the new one.
        while size >= 2 and (edge[size - 1] - edge[size - 2]) * (corner - at[size - 2]) <= (
            best - edge[size - 2]
        ) * (at[size - 1] - at[size - 2]):
            size -= 1
        at[size], edge[size] = corner, best
        size += 1
    area = 0.0
    for i in range(size - 1):
        area += 0.5 * (edge[i] + edge[i + 1]) * (at[i + 1] - at[i])
    return side * area
