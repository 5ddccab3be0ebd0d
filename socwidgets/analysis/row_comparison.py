"""Drift of the rows of raster scans, measured by comparing the rows with the mean frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from scipy import ndimage
from scipy.interpolate import BSpline

from socwidgets.analysis.frame_preparation import prepare, prepare_masked
from socwidgets.analysis.registration_params import RegistrationParams
from socwidgets.analysis.resample import Motion
from socwidgets.analysis.row_trust import (
    HalvedFrame,
    choose_prior,
    column_halves,
    solve_spline,
    spline_matrix,
)
from socwidgets.model.watch import NOBODY, Watch

Aligned: TypeAlias = Callable[[int], tuple[np.ndarray, ...]]

#: Rounds of measuring all rows against the mean of the frames as they were moved last.
_ROUNDS = 8
#: The rounds end once no row moves further than this, px.
_STILL_PX = 0.005
#: Spread of the supports beyond what is known while the rows are looked for, px; how much of what
#: was found is believed, the data then say (`socwidgets.analysis.row_trust`).
_FREE_PX = 1.0
#: A step of one round, px: the image is taken as straight over its length.
_STEP_PX = 1.5
#: Prepared frames are kept when all of them fit in this many bytes, else made again each round.
_CACHE_BYTES = 256 << 20


class RowComparison:
    """Compares the rows of each frame with the mean of the other frames.

    Parameters
    ----------
    frame : callable
        Index -> ``(y, x)`` image as recorded.
    moves : list of Motion
        What is known of each frame.
    priors : ndarray
        ``(prior, frame, 2, y)``, px, candidates for what is known of the rows; the first is where
        they start. All have the same mean over the frames.
    used : ndarray of bool
        ``(frame,)``, frames that are compared and make up the mean; the others keep what is known.
    params : RegistrationParams
        How frames are prepared, and `row_step`.
    mask : ndarray of bool, optional
        ``(y, x)``; nothing outside is read.

    Notes
    -----
    Gradient method (B. D. Lucas and T. Kanade, IJCAI 1981) with one displacement per row. The
    displacements are a cubic spline over the rows with a support every `row_step` rows, fitted to
    all rows of a frame at once, so that rows without contrast follow their neighbors. The contrast
    of each frame (it changes with energy) and an offset of each row (the intensity of the source)
    are fitted along. How closely the curve is held to what is known is chosen at the end, by what
    half of the columns says of the other half.
    """

    def __init__(
        self,
        frame: Callable[[int], np.ndarray],
        moves: list[Motion],
        priors: np.ndarray,
        used: np.ndarray,
        params: RegistrationParams,
        mask: np.ndarray | None = None,
    ) -> None:
        first = frame(0)
        self.shape: tuple[int, int] = (first.shape[0], first.shape[1])
        self._moves, self._used = moves, np.flatnonzero(used)
        self._priors, self._prior, self._spread = priors, priors[0], _FREE_PX
        self.rows = self._prior.copy()

        def made(i: int) -> tuple[np.ndarray, np.ndarray]:
            if mask is None:
                image = frame(i)
                values, weight = prepare(image, params), np.isfinite(image).astype(np.float32)
            else:
                values, weight = prepare_masked(frame(i), params, mask)
            # Coefficients of the spline: only the places at which it is read change.
            return ndimage.spline_filter(values, order=3, output=np.float32), weight

        # Prepared, and brought back: 8 bytes of a pixel each.
        self._keep = len(moves) if 16 * first.size * len(moves) <= _CACHE_BYTES else 0
        self._prepared = lru_cache(maxsize=self._keep)(made)
        self._basis = spline_basis(self.shape[0], params.row_step)

    def run(self, watch: Watch = NOBODY) -> np.ndarray:
        """Displacement of the rows as recorded.

        Parameters
        ----------
        watch : Watch
            Told at every frame of every round.

        Returns
        -------
        ndarray
            ``(frame, 2, y)``, px, beyond the drift of the whole frame. What all frames share is
            that of the priors: it is in their mean as well and cannot be seen by comparison.
        """
        self._search(watch.part(0.0, 0.8))
        aligned, total, count = self._mean(watch.part(0.8, 0.85))
        halved = []
        for i in watch.part(0.85, 0.9).over(self._used, self._used.size):
            halved += self._halved(int(i), aligned(int(i)), total, count)
        if halved:
            best, self._spread = choose_prior(halved)
            self._prior = self._priors[best]
        if not halved or not self._spread > 0:
            self.rows = self._prior.copy()
        elif self._spread < _FREE_PX:
            # About rows that have settled the problem is linear: one round is the answer.
            self._round(watch.part(0.9, 1.0))
        return self.rows

    def _search(self, watch: Watch) -> None:
        """Measure all rows again and again until they stay."""
        for number in range(_ROUNDS):
            before = self.rows.copy()
            self._round(watch.part(number / _ROUNDS, (number + 1) / _ROUNDS))
            if np.abs(self.rows - before).max() < _STILL_PX:
                break

    def _aligned(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Prepared frame and its weights brought back, and the rows they were read at."""
        values, weight = self._prepared(i)
        known = self._moves[i]
        move = Motion(known.dy, known.dx, known.scale, self.rows[i, 0], self.rows[i, 1])
        at_y, at_x = move.positions(self.shape)
        at = np.stack(np.broadcast_arrays(at_y[:, None], at_x[None, :] + move.row_shift(at_y)))
        back = ndimage.map_coordinates(values, at, order=3, mode="constant", prefilter=False)
        seen = ndimage.map_coordinates(weight, at, order=1, mode="constant") > 0.99
        return np.where(seen, back, np.float32(0.0)), seen, at_y

    def _mean(self, watch: Watch) -> tuple[Aligned, np.ndarray, np.ndarray]:
        """Frames brought back, their sum and how many of them show a pixel."""
        total, count = np.zeros(self.shape), np.zeros(self.shape)
        aligned = lru_cache(maxsize=self._keep)(self._aligned)
        for i in watch.over(self._used, self._used.size):
            back, seen, _ = aligned(int(i))
            total += back
            count += seen
        return aligned, total, count

    def _round(self, watch: Watch) -> None:
        aligned, total, count = self._mean(watch.part(0.0, 0.5))
        fresh = self.rows.copy()
        for i in watch.part(0.5, 1.0).over(self._used, self._used.size):
            fresh[i] = self._fit(int(i), aligned(int(i)), total, count)
        shared = (fresh - self._prior)[self._used].mean(axis=0)
        fresh[self._used] -= shared
        self.rows = fresh

    def _fit(
        self, i: int, seen: tuple[np.ndarray, ...], total: np.ndarray, count: np.ndarray
    ) -> np.ndarray:
        """Rows ``(2, y)`` of a frame, from what is left between it and the others."""
        back, reference, weight, at_y = _compared(seen, total, count)
        sums = row_sums(back, reference, weight)
        if sums is None:
            return self.rows[i]
        normal, right = sums
        basis = self._basis_at(at_y)
        # The curve as a whole is fitted, not the step: else every round would smooth less.
        beyond = self.rows[i] - self._prior[i]
        now = self._at(i, at_y, beyond)
        right = right + np.einsum("rab,rb->ra", normal, now)
        vector = np.einsum("rk,ra->ka", basis, right)
        found = solve_spline(spline_matrix(basis, normal), vector, self._spread)
        curve = self._moves[i].scale * (self._basis(np.arange(self.shape[0])) @ found).T
        return self.rows[i] + np.clip(curve - beyond, -_STEP_PX, _STEP_PX)

    def _halved(
        self, i: int, seen: tuple[np.ndarray, ...], total: np.ndarray, count: np.ndarray
    ) -> list[HalvedFrame]:
        """What the halves of a frame's columns say; empty where one of them shows nothing."""
        back, reference, weight, at_y = _compared(seen, total, count)
        halves = column_halves(self.shape[1])
        sums = [row_sums(back, reference, weight & half) for half in halves]
        if sums[0] is None or sums[1] is None:
            return []
        beyond = [self._at(i, at_y, self.rows[i] - prior[i]) for prior in self._priors]
        normal, right = (np.stack(part) for part in zip(sums[0], sums[1], strict=True))
        return [HalvedFrame(self._basis_at(at_y), normal, right, np.stack(beyond))]

    def _basis_at(self, at_y: np.ndarray) -> np.ndarray:
        """Spline basis ``(y, support)`` at the rows that are read; zero outside of the field."""
        inside = (at_y >= 0) & (at_y <= self.shape[0] - 1)
        return np.asarray(self._basis(np.clip(at_y, 0, self.shape[0] - 1)) * inside[:, None])

    def _at(self, i: int, at_y: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Displacements ``(2, y)`` of recorded rows at those that are read, ``(y, 2)``."""
        at = np.arange(self.shape[0])
        scale = self._moves[i].scale
        return np.stack([np.interp(at_y, at, axis) for axis in rows], axis=1) / scale


def _compared(
    seen: tuple[np.ndarray, ...], total: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Frame, mean of the others, pixels to compare, and rows that are read."""
    back, known, at_y = seen
    # A frame must not be compared with itself: its own noise would hold it in place.
    others = count - known
    reference = (total - back) / np.maximum(others, 1)
    both = known & (others > 0)
    return back, reference, both & ndimage.binary_erosion(both, border_value=0), at_y


def spline_basis(rows: int, step: int) -> Callable[[np.ndarray], np.ndarray]:
    """Function from rows ``(n,)`` to a cubic spline basis ``(n, support)``, one per `step`."""
    pieces = max(1, round((rows - 1) / step))
    inner = np.linspace(0, rows - 1, pieces + 1)
    knots = np.concatenate([[inner[0]] * 3, inner, [inner[-1]] * 3])
    return lambda at: BSpline.design_matrix(np.asarray(at, float), knots, 3).toarray()


def row_sums(
    back: np.ndarray, reference: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Normal equations of a displacement of each row, in units of the noise.

    Parameters
    ----------
    back, reference : ndarray
        ``(y, x)``, frame and what it is compared with.
    weight : ndarray of bool
        ``(y, x)``, pixels that are compared.

    Returns
    -------
    normal : ndarray
        ``(y, 2, 2)``, px^-2.
    right : ndarray
        ``(y, 2)``, px^-1. None where there is no contrast.
    """
    w = weight.astype(float)
    share = 1.0 / np.maximum(w.sum(axis=1, keepdims=True), 1.0)

    def centered(image: np.ndarray) -> np.ndarray:
        return np.asarray(w * (image - (w * image).sum(axis=1, keepdims=True) * share))

    frame, model = centered(back), centered(reference)
    power = float((model * model).sum())
    gain = float((frame * model).sum()) / power if power > 0 else 0.0
    if not gain > 0:
        return None
    along_y, along_x = (gain * np.asarray(g) for g in np.gradient(reference))
    slopes = np.stack([centered(along_y), centered(along_x)], axis=-1)
    left = frame - gain * model
    normal = np.swapaxes(slopes, 1, 2) @ slopes
    right = -(np.swapaxes(slopes, 1, 2) @ left[..., None])[..., 0]
    variance = float((left * left).sum()) / max(float(w.sum()) - 1.0, 1.0)
    if not variance > 0:
        variance = 1e-6 * power / w.size
    return normal / variance, right / variance
