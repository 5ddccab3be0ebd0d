"""Moving frames by a fraction of a pixel: one cubic spline, and what it does to the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from scipy import ndimage

from socwidgets.analysis.line_filters import along_x, along_y
from socwidgets.model.noise_shape import NoiseShape

#: The cardinal cubic spline falls by sqrt(3) - 2 = -0.27 per pixel: 2e-6 is left after ten.
_TAPS = 10
_POLE = np.sqrt(3.0) - 2.0
#: A moved pixel is given up when samples that are not finite carry more than this weight in it.
_MISSING_WEIGHT = 0.1
#: Steps of the table of weights; linear in between it is exact to 1e-7.
_TABLE = 2048


def cardinal_spline(position: np.ndarray) -> np.ndarray:
    """Cardinal cubic spline: the interpolant of a single 1 among zeros (Unser et al. 1993).

    Parameters
    ----------
    position : ndarray
        Distance from the sample, in pixels.

    Returns
    -------
    ndarray
        Weight of the sample at that distance, of the same shape: 1 at 0, and 0 at other integers.
    """
    reach = np.arange(-_TAPS - 3, _TAPS + 4)
    prefilter = -6.0 * _POLE / (1.0 - _POLE**2) * _POLE ** np.abs(reach)
    distance = np.abs(np.asarray(position, dtype=np.float64)[..., None] - reach)
    near = 2.0 / 3.0 - distance**2 + distance**3 / 2.0
    far = np.clip(2.0 - distance, 0.0, None) ** 3 / 6.0
    return np.where(distance < 1.0, near, far) @ prefilter


def shift_matrix(n: int, shift: float) -> sp.csr_array:
    """Matrix that reads a line of `n` samples at ``i + shift``, mirrored at its ends.

    Parameters
    ----------
    n : int
        Number of samples, at least 2.
    shift : float
        In pixels.

    Returns
    -------
    scipy.sparse.csr_array
        ``(n, n)``. Its rows sum to one. Rows that read outside of the line are mirrored guesses.
    """
    whole = int(np.floor(shift))
    taps = np.arange(-_TAPS + 1, _TAPS + 1)
    weights = cardinal_spline((shift - whole) - taps)
    kept = np.abs(weights) >= 1e-9
    weights, taps = weights[kept] / weights[kept].sum(), taps[kept]
    columns = _folded(np.arange(n)[:, None] + whole + taps, n).ravel()
    rows = (np.tile(weights, n), columns, taps.size * np.arange(n + 1))
    matrix = sp.csr_array(rows, shape=(n, n))
    # Where the line is mirrored: as the noise of one sample demands.
    matrix.sum_duplicates()
    return matrix


def line_matrix(positions: np.ndarray) -> sp.csr_array:
    """Matrix that reads a line at any positions, mirrored at its ends.

    Parameters
    ----------
    positions : ndarray
        ``(n,)``, in pixels of a line of as many samples, at least 2.

    Returns
    -------
    scipy.sparse.csr_array
        ``(n, n)``. Its rows sum to one.
    """
    n = positions.size
    whole = np.floor(positions).astype(np.intp)
    taps = np.arange(-_TAPS + 1, _TAPS + 1)
    weights = cardinal_spline((positions - whole)[:, None] - taps)
    weights /= weights.sum(axis=1, keepdims=True)
    columns = _folded(whole[:, None] + taps, n)
    rows = np.repeat(np.arange(n), taps.size)
    return sp.coo_array((weights.ravel(), (rows, columns.ravel())), shape=(n, n)).tocsr()


@dataclass(frozen=True, slots=True)
class Motion:
    """Where each pixel of a corrected frame is read in the frame as recorded.

    Row ``y`` and column ``x`` are read at ``c + scale (y - c) + dy + row_dy`` and the same for x,
    with c the middle of the field; `row_dy` and `row_dx` are what a raster scan adds, at the row
    that is read.

    Attributes
    ----------
    dy, dx : float
        Displacement of the sample, px.
    scale : float
        Magnification relative to the reference frame.
    row_dy, row_dx : ndarray or None
        ``(y,)``, px, of each row as recorded.
    """

    dy: float
    dx: float
    scale: float = 1.0
    row_dy: np.ndarray | None = None
    row_dx: np.ndarray | None = None

    def positions(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Where rows ``(y,)`` and columns ``(x,)`` are read, without `row_dx`, px."""
        lines = []
        for n, shift in zip(shape, (self.dy, self.dx), strict=True):
            middle = 0.5 * (n - 1)
            lines.append(middle + self.scale * (np.arange(n) - middle) + shift)
        if self.row_dy is not None:
            # Recorded row r shows r - row_dy[r]; outside, the drift goes on as at the border.
            shows = np.maximum.accumulate(np.arange(shape[0]) - self.row_dy)
            inside = np.interp(lines[0], shows, np.arange(shape[0]))
            lines[0] = inside + (lines[0] - np.clip(lines[0], shows[0], shows[-1]))
        return lines[0], lines[1]

    def row_shift(self, at_y: np.ndarray) -> np.ndarray:
        """Shift along x ``(y, 1)`` of the rows that are read at ``at_y``, px."""
        if self.row_dx is None:
            return np.zeros((at_y.size, 1))
        return np.interp(at_y, np.arange(at_y.size), self.row_dx)[:, None]

    def is_plain_shift(self) -> bool:
        """Whether every pixel moves alike."""
        return self.scale == 1.0 and self.row_dy is None and self.row_dx is None


def shift_frame(frame: np.ndarray, dy: float, dx: float, *, outside: float = np.nan) -> np.ndarray:
    """Frame read at ``(y + dy, x + dx)``: brings back what is displaced by ``(dy, dx)``.

    Parameters
    ----------
    frame : ndarray
        ``(y, x)``, any unit.
    dy, dx : float
        Displacement in pixels.
    outside : float
        What a pixel without a value gets.

    Returns
    -------
    ndarray
        ``(y, x)``, float. `outside` where the source lies beyond the field, and where samples that
        are not finite carry more than a tenth of the weight (smaller ones are filled from their
        nearest neighbor first, so that one dead pixel does not spread over a whole line).
    """
    return _apply(frame, Motion(dy, dx), power=1, outside=outside)


def shift_variance(variance: np.ndarray, dy: float, dx: float) -> np.ndarray:
    """Variance of a frame after `shift_frame`.

    ``var_out = sum_j w_j^2 var_j`` with the weights w of the interpolation, for noise that is
    independent from pixel to pixel. The sum of squared weights lies between 0.40 (half a pixel
    along both axes) and 1: interpolation lowers the noise and correlates neighbors.

    Parameters
    ----------
    variance : ndarray
        ``(y, x)``, squared unit of the frame.
    dy, dx : float
        Displacement in pixels.

    Returns
    -------
    ndarray
        ``(y, x)``; NaN where `shift_frame` gives NaN for the same missing samples.
    """
    return _apply(variance, Motion(dy, dx), power=2)


def move_frame(frame: np.ndarray, motion: Motion) -> np.ndarray:
    """Frame with drift, magnification and row drift taken out by one interpolation.

    NaN as in `shift_frame`.
    """
    return _apply(frame, motion, power=1)


def move_variance(variance: np.ndarray, motion: Motion) -> np.ndarray:
    """Variance of a frame after `move_frame`; see `shift_variance`."""
    return _apply(variance, motion, power=2)


def noise_gain(dy: float, dx: float) -> float:
    """Sum of squared weights of the interpolation: factor on the variance, away from the border."""
    taps = np.arange(-_TAPS, _TAPS + 1)
    gains = [np.sum(cardinal_spline((d - np.floor(d)) - taps) ** 2) for d in (dy, dx)]
    return float(gains[0] * gains[1])


def noise_shape(moves: Sequence[Motion]) -> NoiseShape:
    """Noise of a map made from frames that were moved, if each frame counts alike.

    From the plain shifts: magnification and row drift are left out. What neighbors share follows
    from the overlap of their weights; these sum to one, so the noise of a wide area is what it was.
    """
    taps = np.arange(-_TAPS, _TAPS + 1)
    lags = []
    for move in moves:
        pair = []
        for shift in (move.dy, move.dx):
            w = cardinal_spline((shift - np.floor(shift)) - taps)
            pair.append((float(np.sum(w * w)), float(np.sum(w[1:] * w[:-1]))))
        (y0, y1), (x0, x1) = pair
        lags.append((y0 * x0, y1 * x0, y0 * x1, y1 * x1))
    gain, along_y, along_x, diagonal = np.mean(lags, axis=0)
    return NoiseShape(along_y / gain, along_x / gain, diagonal / gain, 1.0 / gain)


def _apply(frame: np.ndarray, motion: Motion, power: int, outside: float = np.nan) -> np.ndarray:
    """Apply the separable interpolation with its weights to a power."""
    dtype = np.result_type(frame.dtype, np.float32)
    plain = motion.is_plain_shift()
    if plain and motion.dy == 0 and motion.dx == 0:
        return frame.astype(dtype)
    at_y, at_x = motion.positions(frame.shape)
    if plain:
        by_y = shift_matrix(frame.shape[0], motion.dy)
        by_x = shift_matrix(frame.shape[1], motion.dx)
    else:
        by_y, by_x = line_matrix(at_y), line_matrix(at_x)
    bad = ~np.isfinite(frame)
    if bad.all():
        return np.full(frame.shape, np.nan, dtype)
    filled = frame
    if bad.any():
        nearest = ndimage.distance_transform_edt(bad, return_distances=False, return_indices=True)
        filled = frame[tuple(nearest)]
    lost = bad.astype(np.float64) if bad.any() else None
    if motion.row_dx is None:
        source = along_x(by_x.power(power), filled)
        lost = None if lost is None else along_x(abs(by_x), lost)
    else:
        # Drift, magnification and the row's own shift in one step: two would smooth twice.
        reach = at_x[None, :] + motion.row_dx[:, None]
        source = _read_rows(filled.astype(np.float64), reach, power)
        lost = np.zeros(frame.shape) if lost is None else _read_rows(lost, reach, None)
        lost = np.maximum(lost, _outside(reach))
    moved = along_y(by_y.power(power), source, dtype)
    if lost is not None:
        moved[along_y(abs(by_y), lost, np.dtype(float)) > _MISSING_WEIGHT] = outside
    moved[_outside(at_y)] = outside
    if motion.row_dx is None:
        moved[:, _outside(at_x)] = outside
    return moved


def _folded(reach: np.ndarray, n: int) -> np.ndarray:
    """Indices mirrored into a line of n samples."""
    period = 2 * (n - 1)
    folded = np.abs(reach) % period
    return np.where(folded >= n, period - folded, folded)


@lru_cache(maxsize=1)
def _weight_table() -> tuple[np.ndarray, np.ndarray]:
    """Taps, and their weights for positions between two samples, ``(step, tap)``."""
    taps = np.arange(-_TAPS + 1, _TAPS + 1)
    table = cardinal_spline(np.linspace(0.0, 1.0, _TABLE + 1)[:, None] - taps)
    return taps, table / table.sum(axis=1, keepdims=True)


def _read_rows(frame: np.ndarray, positions: np.ndarray, power: int | None) -> np.ndarray:
    """Each row read at positions ``(y, x)`` of its own; `power` None takes absolute weights."""
    n = frame.shape[1]
    taps, table = _weight_table()
    whole = np.floor(positions).astype(np.intp)
    step = (positions - whole) * _TABLE
    low = np.minimum(step.astype(np.intp), _TABLE - 1)
    part = step - low
    result = np.zeros(frame.shape)
    for k, tap in enumerate(taps):
        weight = table[low, k] + part * (table[low + 1, k] - table[low, k])
        weight = np.abs(weight) if power is None else weight**power
        result += weight * np.take_along_axis(frame, _folded(whole + tap, n), axis=1)
    return result


def _outside(position: np.ndarray) -> np.ndarray:
    """Which samples of a line (the last axis) would be read from outside of it."""
    # A drift that is a rounding error must not cost a row.
    return (position < -1e-6) | (position > position.shape[-1] - 1 + 1e-6)
