"""The same particle, the same label: labels carried through the states of a series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.analysis.segmentation import flag_particles
from socwidgets.model.errors import DataError, ParameterError


def track_labels(
    states: Sequence[xr.DataArray],
    shifts_px: Sequence[Sequence[float]] | None = None,
    *,
    min_overlap: float = 0.3,
) -> list[xr.DataArray]:
    """Renumber the labels of each state like those of the states before.

    Parameters
    ----------
    states : sequence of xarray.DataArray
        Label images of one field of view, ``(y, x)`` or ``(z, y, x)`` integer, in the order of
        time, each numbered by itself.
    shifts_px : sequence, optional
        By how many pixels each state lies away from the first, one number per dimension: a
        particle at r in the first state is at ``r + shift``. Found from the outlines of the
        particles by phase correlation if left out.
    min_overlap : float
        Two outlines are the same particle if their common part is at least this share of their
        union (0 to 1).

    Returns
    -------
    list of xarray.DataArray
        int32, numbered as in the first state; particles that were not seen before get new
        numbers, those that come back after they were lost are found again. ``attrs["shift_px"]``
        holds the shift, ``attrs["new"]`` the new numbers, ``attrs["lost"]`` those without partner.

    Raises
    ------
    DataError
        If there is no state, or the shapes differ.
    ParameterError
        If the shifts do not fit the states.
    """
    if not states:
        raise DataError("there is no state to track", expected="one label image or more")
    shapes = {state.shape for state in states}
    if len(shapes) > 1:
        raise DataError("the states differ in shape", expected="one shape", found=str(shapes))
    shifts = _shifts(states, shifts_px)
    first = states[0].values.astype(np.int32)
    memory = first.copy()  # each particle where it was last seen, in the frame of the first state
    free = int(memory.max(initial=0)) + 1
    tracked = [_finish(states[0], first, shifts[0], [], [])]
    for state, shift in zip(states[1:], shifts[1:], strict=True):
        own = state.values.astype(np.int32)
        moved = _moved(own, -shift)
        table, lost = _matches(memory, moved, int(own.max(initial=0)), min_overlap)
        fresh = [i for i in np.unique(own) if i and not table[i]]
        table[fresh] = np.arange(free, free + len(fresh))
        free += len(fresh)
        renumbered = table[own]
        here = table[moved]
        memory = np.where(np.isin(memory, here[here > 0]), 0, memory)
        memory = np.where(here > 0, here, memory)
        new = [int(table[i]) for i in fresh]
        tracked.append(_finish(state, renumbered, shift, new, lost))
    return tracked


def _finish(
    state: xr.DataArray, values: np.ndarray, shift: np.ndarray, new: list[int], lost: list[int]
) -> xr.DataArray:
    result = flag_particles(state.copy(data=values), too_small=[])
    result.attrs |= {"shift_px": [float(s) for s in shift], "new": new, "lost": lost}
    return result


def _shifts(
    states: Sequence[xr.DataArray], given: Sequence[Sequence[float]] | None
) -> list[np.ndarray]:
    dims = states[0].ndim
    if given is not None:
        found = [np.asarray(shift, dtype=float) for shift in given]
        if len(found) != len(states) or any(shift.shape != (dims,) for shift in found):
            raise ParameterError(
                "the shifts do not fit the states",
                expected=f"{len(states)} shifts of {dims} numbers",
                found=str([shift.shape for shift in found]),
            )
        return [shift - found[0] for shift in found]
    from skimage.registration import phase_cross_correlation

    first = states[0].values > 0
    found = [np.zeros(dims)]
    for state in states[1:]:
        back, _, _ = phase_cross_correlation(
            first.astype(float), (state.values > 0).astype(float), normalization=None
        )
        found.append(-np.asarray(back, dtype=float))
    return found


def _moved(labels: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Labels moved by whole pixels; what comes in from outside is background."""
    return ndimage.shift(labels, np.rint(shift), order=0, mode="constant", cval=0, prefilter=False)


def _matches(
    before: np.ndarray, after: np.ndarray, largest: int, min_overlap: float
) -> tuple[np.ndarray, list[int]]:
    """Table from new to old labels, by decreasing overlap, each used once; and the lost ones."""
    width = int(before.max(initial=0)) + 1
    both = (before > 0) & (after > 0)
    pair, common = np.unique(
        after[both].astype(np.int64) * width + before[both], return_counts=True
    )
    size_before = np.bincount(before.ravel(), minlength=width)
    size_after = np.bincount(after.ravel(), minlength=largest + 1)
    new, old = pair // width, pair % width
    share = common / (size_after[new] + size_before[old] - common)
    table = np.zeros(largest + 1, np.int32)
    used = np.zeros(width, dtype=bool)
    for i in np.argsort(share, kind="stable")[::-1]:
        if share[i] < min_overlap:
            break
        if not table[new[i]] and not used[old[i]]:
            table[new[i]], used[old[i]] = old[i], True
    lost = [int(i) for i in np.flatnonzero(size_before) if i and not used[i]]
    return table, lost
