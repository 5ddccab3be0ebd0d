"""Moving frames by a fraction of a pixel: one cubic spline, and what it does to the noise."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy import ndimage

#: The cardinal cubic spline falls by sqrt(3) - 2 = -0.27 per pixel: 2e-6 is left after ten.
_TAPS = 10
_POLE = np.sqrt(3.0) - 2.0
#: A moved pixel is given up when samples that are not finite carry more than this weight in it.
_MISSING_WEIGHT = 0.1


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
    weights[np.abs(weights) < 1e-9] = 0.0
    weights /= weights.sum()
    kept = weights != 0.0
    reach = np.arange(n)[:, None] + whole + taps[kept][None, :]
    period = 2 * (n - 1)
    folded = np.abs(reach) % period
    columns = np.where(folded >= n, period - folded, folded)
    rows = np.repeat(np.arange(n), kept.sum())
    values = np.broadcast_to(weights[kept], reach.shape).ravel()
    # Duplicates (where the line is mirrored) are summed, as the noise of one sample demands.
    return sp.coo_array((values, (rows, columns.ravel())), shape=(n, n)).tocsr()


def shift_frame(frame: np.ndarray, dy: float, dx: float) -> np.ndarray:
    """Frame read at ``(y + dy, x + dx)``: brings back what is displaced by ``(dy, dx)``.

    Parameters
    ----------
    frame : ndarray
        ``(y, x)``, any unit.
    dy, dx : float
        Displacement in pixels.

    Returns
    -------
    ndarray
        ``(y, x)``, float. NaN where the source lies outside of the field, and where samples that
        are not finite carry more than a tenth of the weight (smaller ones are filled from their
        nearest neighbor first, so that one dead pixel does not spread over a whole line).
    """
    return _apply(frame, dy, dx, power=1)


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
    return _apply(variance, dy, dx, power=2)


def noise_gain(dy: float, dx: float) -> float:
    """Sum of squared weights of the interpolation: factor on the variance, away from the border."""
    taps = np.arange(-_TAPS, _TAPS + 1)
    gains = [np.sum(cardinal_spline((d - np.floor(d)) - taps) ** 2) for d in (dy, dx)]
    return float(gains[0] * gains[1])


def _apply(frame: np.ndarray, dy: float, dx: float, power: int) -> np.ndarray:
    """Apply the separable interpolation with its weights to a power."""
    dtype = np.result_type(frame.dtype, np.float32)
    if dy == 0 and dx == 0:
        return frame.astype(dtype)
    along_y, along_x = shift_matrix(frame.shape[0], dy), shift_matrix(frame.shape[1], dx)
    bad = ~np.isfinite(frame)
    if bad.all():
        return np.full(frame.shape, np.nan, dtype)
    filled = frame
    if bad.any():
        nearest = ndimage.distance_transform_edt(bad, return_distances=False, return_indices=True)
        filled = frame[tuple(nearest)]
    # csr @ dense is the fast order; the second axis goes through a transpose.
    weights_y, weights_x = along_y.power(power), along_x.power(power)
    moved = (weights_x @ (weights_y @ filled.astype(np.float64)).T).T.astype(dtype)
    if bad.any():
        lost = (abs(along_x) @ (abs(along_y) @ bad.astype(np.float64)).T).T
        moved[lost > _MISSING_WEIGHT] = np.nan
    moved[_outside(frame.shape[0], dy)] = np.nan
    moved[:, _outside(frame.shape[1], dx)] = np.nan
    return moved


def _outside(n: int, shift: float) -> np.ndarray:
    """Which samples of a line would be read from outside of it."""
    position = np.arange(n) + shift
    # A drift that is a rounding error must not cost a row.
    return (position < -1e-6) | (position > n - 1 + 1e-6)
