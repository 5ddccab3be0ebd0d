"""Displacement of images of which only parts may be compared, to a fraction of a pixel.

Normalized cross-correlation over the common part of two masks (D. Padfield, IEEE Trans. Image
Process. 21, 2706 (2012)), with weights in place of binary masks: mean and variance are taken anew
for each displacement from the pixels that overlap there, so that neither the shape of a mask nor
what lies outside of it pulls. All of its sums are correlations, hence Fourier series in the
displacement, and are evaluated between the pixels as in `socwidgets.analysis.cross_correlation`.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from socwidgets.analysis.cross_correlation import parabola
from socwidgets.analysis.frame_preparation import block_sums, read_whole

#: Displacements at which less than this share of the largest overlap is left are not believed.
_LEAST_OVERLAP = 0.3
#: Weights below this are none.
_NO_WEIGHT = 1e-3
#: Half width of the grids around the maximum, in their steps.
_REACH = 5
#: A grid follows the maximum at most this often.
_MOVES = 8
#: Images of at least this many pixels along each side are halved for the search at long range.
_BINNED = 128
#: Room for the displacements of the fine search, px: twice the pixel of a halved image, and the
#: way that the fine grid may go.
_NEAR = 10
#: Steps per pixel of a first look, which is refined later.
COARSE = 10
#: Finest grid, px: on it the correlation is so smooth that a parabola says the rest to 0.001 px.
_FINEST = 0.1


class MaskedCorrelation:
    """Compares frames with weights.

    A frame is an array ``(2, y, x)``: values times weights, and weights (0 where a pixel is not to
    be compared), so that a sum of frames over a sum of weights is their mean.

    Parameters
    ----------
    window : ndarray
        ``(y, x)``, further weights of every frame, which fade toward the border.
    workers : int
        Threads of the Fourier transforms.
    """

    def __init__(self, window: np.ndarray, *, workers: int = 1) -> None:
        self.shape = window.shape
        self._window = window.astype(np.float32)
        self._bin = 2 if min(window.shape) >= _BINNED else 1
        coarse = tuple(n // self._bin for n in window.shape)
        # Room for displacements of up to half of the field, and of a few px, without wrapping.
        self._far = _Transforms(coarse, tuple(n // 2 + 1 for n in coarse), workers)
        self._near = _Transforms(window.shape, (_NEAR, _NEAR), workers)

    def displacement(
        self, reference: np.ndarray, moved: np.ndarray, upsample: int, *, near: bool = False
    ) -> np.ndarray:
        """Displacement ``(dy, dx)`` in px of `moved` against `reference`.

        Parameters
        ----------
        reference, moved : ndarray
            ``(2, y, x)``.
        upsample : int
            Up to ten steps per pixel are enough: large images are not looked at in full then. A
            parabola refines the maximum of the grid (of 0.1 px) further.
        near : bool
            Look at a few pixels around zero only, for the refinement of a displacement.

        Returns
        -------
        ndarray
            Zeros where one of them has no contrast, or they have nothing in common.
        """
        start = np.zeros(2, int)
        if not near:
            pair = [_binned(self._parts(f), self._bin) for f in (reference, moved)]
            products = self._far.products(*pair)
            if products is None:
                return np.zeros(2)
            found = self._far.highest(products)
            if found is None:
                return np.zeros(2)
            if upsample <= COARSE:
                return self._bin * self._climb(self._far, products, found)
            start = found * self._bin
            moved = _rolled(moved, start)
        products = self._near.products(self._parts(reference), self._parts(moved))
        if products is None:
            return np.zeros(2)
        return start + self._climb(self._near, products, np.zeros(2))

    def correlation(self, reference: np.ndarray, aligned: np.ndarray) -> float:
        """Pearson correlation of two frames where both have weight; NaN without contrast."""
        weight = reference[1] * aligned[1] * self._window**2
        total = float(weight.sum())
        if total <= 0.0:
            return float("nan")
        a, b = _values(reference), _values(aligned)
        a, b = (v - float((weight * v).sum()) / total for v in (a, b))
        norm = float(np.sqrt((weight * a * a).sum() * (weight * b * b).sum()))
        return float((weight * a * b).sum()) / norm if norm > 0 else float("nan")

    def _parts(self, frame: np.ndarray) -> np.ndarray:
        """Weights and values ``(2, y, x)`` of a frame; the weights fade toward the border."""
        return np.stack([frame[1] * self._window, _values(frame)]).astype(np.float32, copy=False)

    @staticmethod
    def _climb(
        transforms: _Transforms, products: np.ndarray, center: np.ndarray, step: float = _FINEST
    ) -> np.ndarray:
        """Maximum near `center`: on a grid of `step` px, then of a parabola through it."""
        grid = np.arange(-_REACH, _REACH + 1) * step
        for _ in range(_MOVES):
            quality = _normalized(transforms.series(products, center[0] + grid, center[1] + grid))
            y, x = np.unravel_index(int(np.argmax(quality)), quality.shape)
            center = center + np.array([grid[y], grid[x]])
            if 0 < y < 2 * _REACH and 0 < x < 2 * _REACH:
                around = quality[y - 1 : y + 2, x], quality[y, x - 1 : x + 2]
                return center + step * parabola(*around)
        return center


class _Transforms:
    """Correlations of weighted images of one size, by real Fourier transforms in float32.

    Parameters
    ----------
    shape : tuple of int
        Of the images.
    reach : tuple of int
        Largest displacement along each axis that does not wrap around.
    workers : int
        Threads.
    """

    def __init__(self, shape: tuple[int, ...], reach: tuple[int, ...], workers: int) -> None:
        self._shape, self._workers = shape, workers
        sizes = zip(shape, reach, strict=True)
        self._padded = tuple(fft.next_fast_len(n + r, real=True) for n, r in sizes)
        self._frequencies = (np.fft.fftfreq(self._padded[0]), np.fft.rfftfreq(self._padded[1]))
        twice = np.full(self._frequencies[1].size, 2.0)
        twice[0] = 1.0
        if self._padded[1] % 2 == 0:
            twice[-1] = 1.0
        self._twice = twice / np.prod(self._padded)

    def products(self, reference: np.ndarray, moved: np.ndarray) -> np.ndarray | None:
        """Transforms ``(ky, 6, kx)`` of the six correlations; None without contrast."""
        sides = []
        for weight, values in (reference, moved):
            total = max(float(weight.sum(dtype=np.float64)), 1e-9)
            weighted = weight * values
            size = float(np.sqrt((weighted * values).sum(dtype=np.float64) / total))
            if not size > 0.0:
                return None
            parts = np.empty((3, *self._shape), np.float32)
            parts[0] = weight
            np.multiply(weighted, 1.0 / size, out=parts[1], casting="same_kind")
            np.multiply(parts[1], values / size, out=parts[2], casting="same_kind")
            sides.append(fft.rfft2(parts, self._padded, axes=(1, 2), workers=self._workers))
        (w1, f1, q1), (w2, f2, q2) = np.conj(sides[0]), sides[1]
        found = np.empty((w1.shape[0], 6, w1.shape[1]), w1.dtype)
        pairs = ((w1, w2), (f1, f2), (f1, w2), (w1, f2), (q1, w2), (w1, q2))
        for k, (a, b) in enumerate(pairs):
            np.multiply(a, b, out=found[:, k])
        return found

    def highest(self, products: np.ndarray) -> np.ndarray | None:
        """Maximum on the pixel grid, over displacements of up to half of the field."""
        surfaces = fft.irfft2(products, s=self._padded, axes=(0, 2), workers=self._workers)
        quality = _normalized(np.moveaxis(surfaces, 1, 0))
        for axis, (n, padded) in enumerate(zip(self._shape, self._padded, strict=True)):
            far = np.abs(np.fft.fftfreq(padded, 1.0 / padded)) > n // 2
            quality[(slice(None),) * axis + (far,)] = -np.inf
        best = np.array(np.unravel_index(int(np.argmax(quality)), quality.shape))
        if not np.isfinite(quality[tuple(best)]):
            return None
        size = np.array(self._padded)
        return (best + size // 2) % size - size // 2

    def series(self, products: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The six correlations ``(6, y, x)`` at the displacements ``y`` x ``x``."""
        ky, kx = self._frequencies
        rows = np.exp(2j * np.pi * np.outer(y, ky)).astype(np.complex64)
        columns = (np.exp(2j * np.pi * np.outer(kx, x)) * self._twice[:, None]).astype(np.complex64)
        along_y = rows @ products.reshape(ky.size, -1)
        both = along_y.reshape(-1, kx.size) @ columns
        return np.moveaxis(both.real.reshape(y.size, 6, x.size), 1, 0).astype(np.float64)


def _binned(parts: np.ndarray, step: int) -> np.ndarray:
    """Weights and values ``(2, y, x)`` of blocks of ``step x step`` pixels."""
    if step == 1:
        return parts
    weight, values = parts
    sums = block_sums(weight, step)
    return np.stack([sums, block_sums(weight * values, step) / np.maximum(sums, _NO_WEIGHT)])


def _rolled(frame: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Frame ``(2, y, x)`` read at ``(y + dy, x + dx)`` in whole pixels; no weight outside."""
    return read_whole(read_whole(frame, 1, int(shift[0])), 2, int(shift[1]))


def _values(frame: np.ndarray) -> np.ndarray:
    """Values of a frame ``(2, y, x)``, zero where it has no weight."""
    return np.where(frame[1] > _NO_WEIGHT, frame[0] / np.maximum(frame[1], _NO_WEIGHT), 0.0)


def _normalized(sums: np.ndarray) -> np.ndarray:
    """Correlation coefficient from the six sums ``(6, y, x)``.

    Minus infinity where the overlap is too small.
    """
    overlap, both, first, second, first_square, second_square = sums
    enough = overlap > _LEAST_OVERLAP * overlap.max()
    share = 1.0 / np.where(enough, overlap, 1.0)
    spread = (first_square - first**2 * share) * (second_square - second**2 * share)
    known = enough & (spread > 1e-6 * np.abs(first_square * second_square))
    top = both - first * second * share
    return np.where(known, top / np.sqrt(np.where(known, spread, 1.0)), -np.inf)
