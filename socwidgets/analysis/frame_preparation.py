"""Frames made ready to be compared: finite, without offset, noise or wide structure."""

from __future__ import annotations

from functools import lru_cache, reduce

import numpy as np
from scipy import ndimage

from socwidgets.analysis.line_filters import gaussian
from socwidgets.analysis.registration_params import RegistrationParams
from socwidgets.analysis.resample import shift_frame

#: Least width of the derivative of a Gaussian that makes an edge image, px.
_GRADIENT_PX = 0.7
#: Filtered values are believed where so much of the filter's weight lies on the mask.
_LEAST_WEIGHT = 0.05


def prepare(image: np.ndarray, params: RegistrationParams) -> np.ndarray:
    """Image made ready for comparison.

    Parameters
    ----------
    image : ndarray
        ``(y, x)``.
    params : RegistrationParams
        `smooth_px`, `high_pass_px` and `image` are used.

    Returns
    -------
    ndarray
        ``(y, x)``, float32; zeros where no pixel was finite.
    """
    finite = np.isfinite(image)
    if not finite.any():
        return np.zeros(image.shape, np.float32)
    middle = np.median(image[finite])
    clean = np.where(finite, image - middle, 0.0).astype(np.float32)
    if params.image == "gradient":
        clean = ndimage.gaussian_gradient_magnitude(clean, max(params.smooth_px, _GRADIENT_PX))
    elif params.smooth_px:
        clean = gaussian(clean, params.smooth_px)
    if params.high_pass_px:
        clean = clean - gaussian(clean, params.high_pass_px)
    return clean - clean.mean()


def prepare_masked(image: np.ndarray, params: RegistrationParams, mask: np.ndarray) -> np.ndarray:
    """The same for an image of which only a part may be compared.

    Nothing outside of the mask is read: the filters are normalized by their weight on the mask
    (Knutsson and Westin 1993), so that a bright artifact does not leak across its border.

    Parameters
    ----------
    image : ndarray
        ``(y, x)``.
    params : RegistrationParams
        As for `prepare`.
    mask : ndarray of bool
        ``(y, x)``, pixels that may be compared.

    Returns
    -------
    ndarray
        ``(2, y, x)`` float32: values, smoothly continued outside of the mask so that they can be
        interpolated, and weights (1 or 0).
    """
    known = mask & np.isfinite(image)
    if not known.any():
        return np.zeros((2, *image.shape), np.float32)
    weight = known.astype(np.float32)
    clean = np.where(known, image - np.median(image[known]), 0.0).astype(np.float32)
    if params.image == "gradient":
        width = max(params.smooth_px, _GRADIENT_PX)
        filled = np.where(known, clean, _smoothed(clean, weight, 2.0 * width + 1.0))
        clean = ndimage.gaussian_gradient_magnitude(filled, width)
        # Next to the mask the gradient is that of the continuation.
        reach = int(np.ceil(2.0 * width))
        known = ndimage.binary_erosion(known, iterations=reach, border_value=1)
        weight = known.astype(np.float32)
        clean = clean * weight
    elif params.smooth_px:
        clean = np.where(known, _smoothed(clean, weight, params.smooth_px), 0.0)
    if params.high_pass_px:
        clean = np.where(known, clean - _smoothed(clean, weight, params.high_pass_px), 0.0)
    filled = np.where(known, clean, _smoothed(clean * weight, weight, 1.5))
    return np.stack([filled, weight]).astype(np.float32)


def _smoothed(values: np.ndarray, weight: np.ndarray, width: float) -> np.ndarray:
    """Gaussian mean over the pixels with weight; zero far from all of them."""
    total = _total(weight.tobytes(), weight.shape, width)
    mean = gaussian(values * weight, width) / np.maximum(total, _LEAST_WEIGHT)
    return np.asarray(mean, np.float32)


@lru_cache(maxsize=6)
def _total(weight: bytes, shape: tuple[int, ...], width: float) -> np.ndarray:
    """Gaussian mean of the weights, which are those of the mask in frame after frame."""
    plane = np.frombuffer(weight, np.float32).reshape(shape)
    return gaussian(plane, width)


def moved(image: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Prepared image brought back by `shift`; zero, which is its mean, where it left the field.

    An image with weights ``(2, y, x)`` comes back as values times weights, and weights: those
    pixels that were compared as a whole.
    """
    dy, dx = float(shift[0]), float(shift[1])
    if image.ndim == 2:
        return shift_frame(image, dy, dx, outside=0.0)
    kept = _all_known(image[1], dy, dx)
    values = shift_frame(image[0], dy, dx, outside=0.0) * kept
    return np.stack([values, kept]).astype(np.float32, copy=False)


def _all_known(weight: np.ndarray, dy: float, dx: float) -> np.ndarray:
    """1 where all pixels around ``(y + dy, x + dx)`` have weight, else 0; of the same shape."""
    kept = weight
    for axis, shift in enumerate((dy, dx)):
        whole = int(np.floor(shift))
        lines = [read_whole(kept, axis, whole)]
        if shift - whole > 1e-6:
            lines.append(read_whole(kept, axis, whole + 1))
        kept = np.minimum.reduce(lines)
    return kept


def read_whole(image: np.ndarray, axis: int, shift: int) -> np.ndarray:
    """Image read `shift` pixels further along `axis`; zero outside of the field."""
    n = image.shape[axis]
    moved = np.zeros_like(image)
    to, source = slice(max(-shift, 0), n - max(shift, 0)), slice(max(shift, 0), n - max(-shift, 0))
    ahead = (slice(None),) * axis
    if abs(shift) < n:
        moved[(*ahead, to)] = image[(*ahead, source)]
    return moved


def taper_window(shape: tuple[int, ...], taper: float) -> np.ndarray:
    """Window ``(y, x)`` that fades over `taper` of the field at each border."""
    sides = []
    for n in shape:
        ramp = np.clip((np.arange(n) + 0.5) / max(taper * n, 1e-9), 0.0, 1.0)
        fade = 0.5 * (1.0 - np.cos(np.pi * ramp))
        sides.append(fade * fade[::-1])
    return (sides[0][:, None] * sides[1][None, :]).astype(np.float32)


def block_sums(image: np.ndarray, step: int) -> np.ndarray:
    """Sums of blocks of ``step x step`` pixels; what is left over at the ends is left out."""
    ny, nx = (n // step * step for n in image.shape)
    # Whole rows first, which is ten times as fast as numpy's sum over two axes of blocks.
    rows = reduce(np.add, [image[i:ny:step] for i in range(step)])
    return reduce(np.add, [rows[:, i:nx:step] for i in range(step)])
