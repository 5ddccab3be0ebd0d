"""Linear combination fit of frames that come one after the other, each looked at once.

Everything a fit needs is linear or quadratic in the spectrum: the projections of `lcf`, and with
known noise also the variance of those projections and the weighted normal equations, from which
chi-square follows as ``y y - 2 c y d + c d d c`` (`d` references and background over sigma). These
sums are kept per pixel in float64.

Numerical condition: a sum of squared residuals that is a share ``r`` of the sum of squares itself
is good to about ``1e-15 / r``; `lcf` would form the residual point by point below ``r = 1e-7``,
this cannot. A signal-to-noise ratio of 10,000 (``r = 1e-8``) still leaves seven digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.kernels.lanes import LANES, UNROLL, add_four, add_product, door, inner, padded_rows
from socwidgets.kernels.lcf import begin, finish, store_group
from socwidgets.kernels.lcf_plan import LcfPlan


@dataclass(frozen=True, slots=True)
class LcfStream:
    """A linear combination fit over frames.

    Attributes
    ----------
    plan : LcfPlan
        The fit.
    design : ndarray
        ``(m, E)``, references and background, energies padded.
    products : ndarray
        ``(m (m + 1) / 2, E)``, products of two rows of the design, the upper triangle by rows.
    has_std : bool
        Whether frames of standard uncertainties come with the signal.
    """

    plan: LcfPlan
    design: np.ndarray
    products: np.ndarray
    has_std: bool

    @classmethod
    def of(cls, plan: LcfPlan, has_std: bool) -> LcfStream:
        """Prepare a stream of a planned fit."""
        design = np.vstack([plan.references, plan.background])
        upper = np.triu_indices(design.shape[0])
        return cls(
            plan, padded_rows(design), padded_rows(design[upper[0]] * design[upper[1]]), has_std
        )

    @property
    def rows(self) -> int:
        """Number of float64 sums per pixel."""
        m = self.design.shape[0]
        noise = self.plan.matrices.pairs.shape[0] + m + self.products.shape[0] + 1
        return m + 1 + (m if self.plan.matrices.weighted else 0) + (noise if self.has_std else 0)

    def room(self, pixels: int) -> np.ndarray:
        """Zeroed sums for a number of pixels, ``(groups, rows, LANES)``."""
        return np.zeros((-(-pixels // LANES), self.rows, LANES))

    def add(
        self, frames: np.ndarray, std: np.ndarray | None, energy: int, group: int, sums: np.ndarray
    ) -> None:
        """Add frames to the sums.

        Parameters
        ----------
        frames : ndarray
            ``(n, groups * LANES)``, ``n`` a multiple of four, zero beyond the last frame and pixel.
        std : ndarray or None
            The same for the uncertainty; one beyond the last.
        energy : int
            Index of the first frame, a multiple of four.
        group : int
            The group of the frames that `sums` begins with.
        sums : ndarray
            Some of the groups of `room`; others may be added to at the same time.
        """
        noise = frames if std is None else std
        matrices = self.plan.matrices
        _add(matrices, self.design, self.products, self.has_std, frames, noise, energy, group, sums)

    def finish(self, sums: np.ndarray, first: int, out: np.ndarray, status: np.ndarray) -> None:
        """Results of some groups from their sums.

        Parameters
        ----------
        sums : ndarray
            ``(groups, rows, LANES)``.
        first : int
            Pixel of the results that the first group begins with; groups may reach beyond the last.
        out, status : ndarray
            ``(maps, N)`` and ``(N,)`` as for `lcf.fit_block`.
        """
        inside = max(0, min(sums.shape[0], (out.shape[1] - first) // LANES))
        run = (self.plan.matrices, self.design.shape[0], self.has_std)
        _finish(*run, sums[:inside], first, out, status)
        at = first + inside * LANES
        if inside < sums.shape[0] and at < out.shape[1]:
            results, codes = np.empty((out.shape[0], LANES), out.dtype), np.empty(LANES, np.uint8)
            _finish(*run, sums[inside : inside + 1], 0, results, codes)
            out[:, at:] = results[:, : out.shape[1] - at]
            status[at:] = codes[: out.shape[1] - at]


@door
def _add(matrices, design, products, has_std, frames, noise, energy, group, sums):
    m, pairs = design.shape[0], matrices.pairs.shape[0]
    work = np.empty((3 * UNROLL, LANES))
    for g in range(sums.shape[0]):
        for e in range(0, frames.shape[0], UNROLL):
            at = slice(energy + e, energy + e + UNROLL)
            a, b = (group + g) * LANES, (group + g + 1) * LANES
            y0, y1, y2, y3 = (
                frames[e, a:b],
                frames[e + 1, a:b],
                frames[e + 2, a:b],
                frames[e + 3, a:b],
            )
            row = m + 1
            add_four(y0, y1, y2, y3, matrices.projector[:, at], sums[g, :row])
            if matrices.weighted:
                add_four(y0, y1, y2, y3, design[:, at], sums[g, row : row + m])
                row += m
            if has_std:
                for u in range(UNROLL):
                    _over_noise(
                        frames[e + u, a:b], noise[e + u, a:b], work[u], work[4 + u], work[8 + u],
                        sums[g, sums.shape[1] - 1],
                    )  # fmt: skip
                add_four(
                    work[0], work[1], work[2], work[3], matrices.pairs[:, at],
                    sums[g, row : row + pairs],
                )  # fmt: skip
                row += pairs
                add_four(
                    work[8], work[9], work[10], work[11], design[:, at], sums[g, row : row + m]
                )
                row += m
                add_four(
                    work[4], work[5], work[6], work[7], products[:, at],
                    sums[g, row : row + products.shape[0]],
                )  # fmt: skip


@inner
def _over_noise(signal, std, variance, inverse, scaled, total):
    """Variance, one over it and signal over it of one energy; the sum of squares over it."""
    for p in range(LANES):
        value, square = np.float64(signal[p]), np.float64(std[p]) * std[p]
        over = 1.0 / square
        variance[p] = square
        inverse[p] = over
        scaled[p] = value * over
        total[p] += value * value * over


@door
def _finish(matrices, m, has_std, sums, first, out, status):
    results = np.empty((out.shape[0], LANES))
    count = matrices.pairs.shape[0]
    k = matrices.gram.shape[0]
    for g in range(sums.shape[0]):
        row = m + 1
        fit = begin(matrices, sums[g, :row])
        if matrices.weighted:
            _unweighted_sums(matrices, fit, sums[g, m], sums[g, row : row + m])
            row += m
        pairs = sums[g, row : row + count]
        if has_std:
            row += count
            _chi_square(fit, k, sums[g, row : row + m], sums[g, row + m :])
        finish(matrices, fit, pairs, has_std, results)
        store_group(results, fit, first + g * LANES, out, status)


@inner
def _unweighted_sums(matrices, fit, squares, projections):
    """Sums of squares of residual and background-free spectrum where the fit itself is weighted."""
    k, m = matrices.gram.shape[0], projections.shape[0]
    residual, free = fit.sums[0], fit.sums[3]
    for p in range(LANES):
        residual[p] = squares[p]
        free[p] = squares[p]
    for i in range(m):
        left, row = _coefficient(fit, k, i), _row_of(matrices, k, i)
        add_product(residual, -2.0, left, projections[i])
        if i >= k:
            add_product(free, -2.0, left, projections[i])
        for j in range(m):
            right, other = _coefficient(fit, k, j), _row_of(matrices, k, j)
            overlap = 0.0
            for e in range(row.size):
                overlap += row[e] * other[e]
            add_product(residual, overlap, left, right)
            if i >= k and j >= k:
                add_product(free, overlap, left, right)


@inner
def _coefficient(fit, k, i):
    return fit.weight[i] if i < k else fit.beta[i - k]


@inner
def _row_of(matrices, k, i):
    return matrices.references[i] if i < k else matrices.background[i - k]


@inner
def _chi_square(fit, k, linear, rest):
    """``y y - 2 c y d + c d d c``; `rest` is the products of `d`, then ``y y``."""
    chi, m = fit.sums[2], linear.shape[0]
    last = rest[rest.shape[0] - 1]
    for p in range(LANES):
        chi[p] = last[p]
    row = 0
    for i in range(m):
        left = _coefficient(fit, k, i)
        add_product(chi, -2.0, left, linear[i])
        for j in range(i, m):
            _add_triple(chi, 1.0 if i == j else 2.0, left, _coefficient(fit, k, j), rest[row])
            row += 1


@inner
def _add_triple(total, factor, left, right, values):
    for p in range(LANES):
        total[p] += factor * left[p] * right[p] * values[p]
