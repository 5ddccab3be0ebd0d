"""Length of the shortest path through a mask, by fast marching of second order, compiled.

Sethian (1996, Proc. Natl. Acad. Sci. 93, 1591; 1999, SIAM Review 41, 199). A path along the edges
of a pixel graph would be up to 8 % too long. Test oracle: plane geometry.
"""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.doors import doors

door, inner = doors(error_model="numpy")

#: Pixels around a source whose distance is taken as a straight line where it sees them.
NEAR = 8


@door
def march(mask, spacing, time, frozen):
    """Distance from the sources through the mask.

    Parameters
    ----------
    mask : ndarray
        ``(z, y, x)`` bool, True where a path may run.
    spacing : ndarray
        ``(3,)`` pixel size along each dimension.
    time : ndarray
        ``(z, y, x)`` float64, infinite but for the known distances near the sources; filled, stays
        infinite where no path leads.
    frozen : ndarray
        ``(z, y, x)`` bool, True where `time` is known already; changed.
    """
    nz, ny, nx = mask.shape
    size = nz * ny * nx
    heap = np.empty(size, np.int64)
    where = np.full(size, -1, np.int64)
    flat_time, flat_mask, flat_frozen = time.ravel(), mask.ravel(), frozen.ravel()
    strides = np.array([ny * nx, nx, 1])
    lengths = np.array([nz, ny, nx])
    count = 0
    for index in range(size):
        if flat_frozen[index]:
            count = _renew(
                index,
                flat_time,
                flat_mask,
                flat_frozen,
                strides,
                lengths,
                spacing,
                heap,
                where,
                count,
            )
    while count > 0:
        index = heap[0]
        count -= 1
        where[index] = -1
        if count > 0:
            heap[0] = heap[count]
            where[heap[0]] = 0
            _sink(heap, where, flat_time, count, 0)
        flat_frozen[index] = True
        count = _renew(
            index, flat_time, flat_mask, flat_frozen, strides, lengths, spacing, heap, where, count
        )


@inner
def _renew(index, time, mask, frozen, strides, lengths, spacing, heap, where, count):
    """Update the neighbors of a pixel that has just been settled."""
    for axis in range(3):
        place = index // strides[axis] % lengths[axis]
        for side in (-1, 1):
            if place + side < 0 or place + side >= lengths[axis]:
                continue
            other = index + side * strides[axis]
            if not mask[other] or frozen[other]:
                continue
            value = _solve(other, time, frozen, strides, lengths, spacing)
            if value < time[other]:
                time[other] = value
                if where[other] < 0:
                    heap[count] = other
                    where[other] = count
                    count += 1
                _rise(heap, where, time, where[other])
    return count


@inner
def _solve(index, time, frozen, strides, lengths, spacing):
    """Distance of a pixel from its settled neighbors: ``sum_i ((t - t_i)/h_i)^2 = 1``."""
    a, b, c = 0.0, 0.0, -1.0
    lowest, step = math.inf, 0.0
    for axis in range(3):
        place = index // strides[axis] % lengths[axis]
        best, further = math.inf, math.inf
        for side in (-1, 1):
            if place + side < 0 or place + side >= lengths[axis]:
                continue
            near = index + side * strides[axis]
            if not frozen[near] or time[near] >= best:
                continue
            best, further = time[near], math.inf
            if 0 <= place + 2 * side < lengths[axis]:
                far = near + side * strides[axis]
                if frozen[far] and time[far] <= time[near]:
                    further = time[far]
        if best == math.inf:
            continue
        if best + spacing[axis] < lowest + step:
            lowest, step = best, spacing[axis]
        weight, value = 1.0 / spacing[axis] ** 2, best
        if further < math.inf:
            weight, value = weight * 2.25, (4.0 * best - further) / 3.0
        a += weight
        b -= 2.0 * weight * value
        c += weight * value * value
    root = b * b - 4.0 * a * c
    if root >= 0.0 and a > 0.0:
        found = (-b + math.sqrt(root)) / (2.0 * a)
        if found >= lowest:
            return min(found, lowest + step)
    return lowest + step


@inner
def _rise(heap, where, time, at):
    while at > 0:
        above = (at - 1) // 2
        if time[heap[above]] <= time[heap[at]]:
            return
        heap[above], heap[at] = heap[at], heap[above]
        where[heap[above]], where[heap[at]] = above, at
        at = above


@inner
def _sink(heap, where, time, count, at):
    while True:
        child = 2 * at + 1
        if child >= count:
            return
        if child + 1 < count and time[heap[child + 1]] < time[heap[child]]:
            child += 1
        if time[heap[at]] <= time[heap[child]]:
            return
        heap[at], heap[child] = heap[child], heap[at]
        where[heap[at]], where[heap[child]] = at, child
        at = child


@door
def seed_near(mask, spacing, sources, time, frozen):
    """Straight distances to all pixels that a source sees within `NEAR` pixels.

    The front is most curved at a point source, where the difference scheme is least exact.

    Parameters
    ----------
    sources : ndarray
        ``(n, 3)`` int64 pixel indices, inside the mask.
    """
    nz, ny, nx = mask.shape
    for i in range(sources.shape[0]):
        cz, cy, cx = sources[i]
        for z in range(max(0, cz - NEAR), min(nz, cz + NEAR + 1)):
            for y in range(max(0, cy - NEAR), min(ny, cy + NEAR + 1)):
                for x in range(max(0, cx - NEAR), min(nx, cx + NEAR + 1)):
                    dz, dy, dx = z - cz, y - cy, x - cx
                    if dz * dz + dy * dy + dx * dx > NEAR * NEAR or not mask[z, y, x]:
                        continue
                    if not _sees(mask, cz, cy, cx, dz, dy, dx):
                        continue
                    length = math.sqrt(
                        (dz * spacing[0]) ** 2 + (dy * spacing[1]) ** 2 + (dx * spacing[2]) ** 2
                    )
                    if length < time[z, y, x]:
                        time[z, y, x] = length
                        frozen[z, y, x] = True


@inner
def _sees(mask, cz, cy, cx, dz, dy, dx):
    steps = 4 * max(abs(dz), abs(dy), abs(dx))
    for k in range(1, steps):
        share = k / steps
        z, y, x = round(cz + share * dz), round(cy + share * dy), round(cx + share * dx)
        if not mask[int(z), int(y), int(x)]:
            return False
    return True
