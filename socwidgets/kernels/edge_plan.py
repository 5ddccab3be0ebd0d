"""Everything about edge and white-line maps that does not depend on the pixel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from socwidgets.kernels.edge_sliding_tables import Sliding, sliding_table
from socwidgets.kernels.edge_tables import (
    Centroid,
    Derivative,
    Levels,
    WhiteLine,
    Windows,
    centroid_table,
    derivative_table,
    level_table,
    white_line_table,
    white_line_windows,
    window_table,
)
from socwidgets.kernels.normalization_plan import NormalizationPlan, cast

#: Degrees of freedom from which on the pre-edge alone tells the noise.
ENOUGH = 5


@dataclass(frozen=True, slots=True)
class EdgePlan:
    """Tables of an edge and white-line fit.

    Attributes
    ----------
    origin, scale : float
        eV; energy = origin + scale * x.
    rows : ndarray
        ``(R,)`` int, rows of the stack that are staged, increasing.
    x : ndarray
        ``(R,)``.
    search : tuple of int
        First and last + 1 staged row where levels are looked for.
    kept : ndarray
        ``(R,)`` bool, staged rows that are looked at more than once.
    outside, shared : ndarray
        int, staged rows in neither window, which are read last and with the baseline already taken
        off, and those of the windows that more than the windows' fits need.
    windows, white_line, sliding, centroid, derivative, levels
        Tables; empty arrays for what is not wanted.
    has_jump, has_pre : bool
        Whether there is a post-edge and a pre-edge window.
    tilted : bool
        Whether the pre-edge line is taken off with its slope, or only its mean.
    noise_of : tuple of bool
        Whose residuals tell the noise where none is known: pre-edge, post-edge, white line. A
        pre-edge with `ENOUGH` degrees of freedom alone, because the curves beyond the edge have
        features that no polynomial follows.
    freedom : int
        Their degrees of freedom.
    """

    origin: float
    scale: float
    rows: np.ndarray
    x: np.ndarray
    search: tuple[int, int]
    kept: np.ndarray
    outside: np.ndarray
    shared: np.ndarray
    windows: Windows
    white_line: WhiteLine
    sliding: Sliding
    centroid: Centroid
    derivative: Derivative
    levels: Levels
    has_jump: bool
    has_pre: bool
    tilted: bool
    noise_of: tuple[bool, bool, bool]
    freedom: int
    _prepared: dict[np.dtype, tuple[Any, ...]] = field(default_factory=dict, repr=False)

    def tables(self, kind: np.dtype) -> tuple[Any, ...]:
        """Positions and the six groups of tables in the precision of the data, made once."""
        if kind not in self._prepared:
            peak = (self.white_line, self.sliding)
            groups = (self.windows, *peak, self.centroid, self.derivative, self.levels)
            self._prepared[kind] = (self.x.astype(kind), *(cast(g, kind) for g in groups))
        return self._prepared[kind]

    def on(self, kept: np.ndarray) -> EdgePlan:
        """The same plan for a stack of which only the rows `kept` (sorted) are left."""
        return replace(self, rows=np.searchsorted(kept, self.rows), _prepared={})


def make_plan(
    energies: np.ndarray,
    normalization: NormalizationPlan,
    *,
    search: np.ndarray,
    white_line: np.ndarray | None = None,
    half_width: float = 2.0,
    degree: int = 2,
    centroid: np.ndarray | None = None,
    derivative_points: int = 0,
    available: np.ndarray | None = None,
) -> EdgePlan:
    """Prepare edge and white-line maps.

    Parameters
    ----------
    energies : ndarray
        ``(E,)``, increasing, eV.
    normalization : NormalizationPlan
        Pre- and post-edge windows, without a Victoreen factor; either window may be empty (see
        `without_normalization`).
    search : ndarray
        Consecutive rows of the stack where levels are crossed and the derivative has its maximum.
    white_line : ndarray, optional
        Rows of the stack that can be the center of the white-line window: one for a fixed window;
        of several, each pixel's window follows its own peak.
    half_width : float
        eV; the window holds the samples within it of its center.
    degree : {2, 3, 4}
        Degree of the local polynomial.
    centroid : ndarray, optional
        Rows of the stack of the centroid's window.
    derivative_points : int
        Odd number of samples of the local parabola whose slope is the derivative; 0 for none.
    available : ndarray, optional
        ``(E,)`` bool, rows that the white-line windows may use; the other rows that are given are
        to be available already.

    Raises
    ------
    ValueError
        If a white-line window holds fewer than ``degree + 1`` samples.
    """
    wl_rows = white_line_windows(energies, white_line, half_width, available)
    used: list[np.ndarray] = [
        normalization.rows,
        search,
        *wl_rows,
        *([] if centroid is None else [centroid]),
    ]
    rows = np.unique(np.concatenate([np.asarray(part, dtype=np.intp) for part in used]))
    origin, scale = float(energies[normalization.edge]), normalization.scale
    x = (energies[rows] - origin) / scale
    at = np.searchsorted(rows, search)
    inner = np.searchsorted(rows, np.concatenate([np.asarray(p, dtype=int) for p in used[1:]]))
    line = white_line_table(x, rows, white_line, wl_rows, half_width / scale, degree)
    noise_of, freedom = _noise_source(normalization, line)
    windows = window_table(normalization, rows)
    return EdgePlan(
        origin,
        scale,
        rows,
        x,
        (int(at[0]), int(at[-1]) + 1),
        *_use_of_rows(rows.size, inner, windows, noise_of[1]),
        windows,
        line,
        sliding_table(line),
        centroid_table(x, np.searchsorted(rows, [] if centroid is None else centroid)),
        derivative_table(x, at, derivative_points),
        level_table(x, at),
        normalization.post_rows.size > 0,
        normalization.pre_rows.size > 0,
        normalization.post_rows.size > 0,
        noise_of,
        freedom,
    )


def _use_of_rows(
    count: int, inner: np.ndarray, windows: Windows, fits_post: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The plan's `kept`, `outside` and `shared` rows."""
    every = np.arange(count)
    worked = (every >= inner.min()) & (every <= inner.max())
    before, behind = np.isin(every, windows.pre), np.isin(every, windows.post)
    kept = worked | before | (behind & fits_post)
    inside = before | behind
    return kept, np.flatnonzero(~inside), np.flatnonzero(inside & worked)


def _noise_source(
    normalization: NormalizationPlan, line: WhiteLine
) -> tuple[tuple[bool, bool, bool], int]:
    """Which residuals tell the noise of a pixel, and their degrees of freedom."""
    sloped = bool(np.any(normalization.pre_weights[1]))
    before = max(normalization.pre_rows.size - 1 - sloped, 0)
    after = max(normalization.post_rows.size - normalization.post_weights.shape[0], 0)
    peak = int(line.samples[0]) - line.weights.shape[1] if line.samples.size == 1 else 0
    if before >= ENOUGH:
        return (True, False, False), before
    return (True, after > 0, peak > 0), before + after + peak


def without_normalization(
    energies: np.ndarray, pre_rows: np.ndarray, near: int
) -> NormalizationPlan:
    """A plan with at most a constant before the edge and no jump, for the white line alone.

    Parameters
    ----------
    energies : ndarray
        ``(E,)``, eV.
    pre_rows : ndarray
        ``(n,)``, rows whose mean is the baseline; may be empty.
    near : int
        Row that becomes the origin.
    """
    offset = energies - energies[near]
    scale = float(np.abs(offset).max()) or 1.0
    count = pre_rows.size
    # The slope is fitted for the noise's sake only: centered, so that it leaves the mean alone.
    centered = (offset - (offset[pre_rows].mean() if count else 0.0)) / scale
    weights = np.zeros((2, count))
    weights[0] = 1.0 / max(count, 1)
    if count > 2:
        weights[1] = centered[pre_rows] / np.sum(centered[pre_rows] ** 2)
    basis = np.stack([np.ones_like(offset), centered])
    return NormalizationPlan(
        near,
        offset,
        scale,
        pre_rows.astype(np.intp),
        np.empty(0, dtype=np.intp),
        weights,
        np.zeros((1, 0)),
        np.zeros((1, 2)),
        basis,
        basis[:1],
        basis,
        np.eye(2, 3),
        max(count - 2, 0),
    )
