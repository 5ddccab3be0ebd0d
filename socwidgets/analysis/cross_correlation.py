"""Displacement of images against one reference, to a fraction of a pixel.

Plain (not phase) cross-correlation with a Hann window, after M. Guizar-Sicairos, S. T. Thurman and
J. R. Fienup, Opt. Lett. 33, 156 (2008): the maximum on the pixel grid, then the Fourier series of
the correlation evaluated on a fine grid around it. What makes it quick: real transforms in
float32, the reference transformed once, half of the spectrum in the fine step, and a fine grid that
is small because a parabola already says where to look.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from socwidgets.model.errors import DataError

#: Half width of the fine grid in its steps.
_REACH = 5
#: The fine grid follows the maximum at most this often.
_MOVES = 8


class CrossCorrelation:
    """Measures the displacement of images against one reference.

    Parameters
    ----------
    reference : ndarray
        ``(y, x)``; samples that are not finite count as the mean.
    upsample : int
        Steps per pixel of the fine grid; a parabola refines its maximum further.
    window : bool
        Taper the images toward their edges (Hann). Without it the edge itself, which does not move,
        pulls the displacement toward zero.
    workers : int
        Threads of the Fourier transforms.

    Notes
    -----
    Displacements beyond half of the field cannot be told from smaller ones of the other sign.
    """

    def __init__(
        self,
        reference: np.ndarray,
        *,
        upsample: int = 20,
        window: bool = True,
        workers: int | None = 1,
    ) -> None:
        if reference.ndim != 2 or min(reference.shape) < 4:
            raise DataError(
                "this cannot be correlated",
                expected="an image (y, x) of at least 4 x 4 pixels",
                found=f"shape {reference.shape}",
            )
        self.shape = reference.shape
        self.upsample = upsample
        self._workers = workers
        self._window = window
        self._taper = _hann(self.shape) if window else np.ones((1, 1), np.float32)
        self._frequencies = (
            np.fft.fftfreq(self.shape[0]).astype(np.float32),
            np.fft.rfftfreq(self.shape[1]).astype(np.float32),
        )
        spectrum = self._transform(reference)
        # Each column of the half spectrum stands for two, except the first and, for an even width,
        # the last: with this weight, sums over the half give the real series.
        twice = np.full(spectrum.shape[1], 2.0, np.float32)
        twice[0] = 1.0
        if self.shape[1] % 2 == 0:
            twice[-1] = 1.0
        self._reference = np.conj(spectrum)
        self._twice = twice

    def _transform(self, image: np.ndarray) -> np.ndarray:
        clean = np.asarray(image, dtype=np.float32)
        mean = clean.mean(dtype=np.float64)
        if not np.isfinite(mean):
            finite = np.isfinite(clean)
            mean = clean[finite].mean(dtype=np.float64) if finite.any() else 0.0
            clean = np.where(finite, clean, np.float32(mean))
        clean = (clean - np.float32(mean)) * self._taper
        return fft.rfft2(clean, workers=self._workers, overwrite_x=True)

    def displacement(self, moved: np.ndarray) -> np.ndarray:
        """Displacement of an image.

        Parameters
        ----------
        moved : ndarray
            ``(y, x)``, same shape as the reference.

        Returns
        -------
        ndarray
            ``(dy, dx)`` in px, float64; positive where features lie at larger y and x than in the
            reference. NaN if either image has no contrast.

        Raises
        ------
        DataError
            If the shapes differ.
        """
        if moved.shape != self.shape:
            raise DataError(
                "the images do not fit each other",
                expected=f"shape {self.shape}",
                found=f"shape {moved.shape}",
            )
        product = self._transform(moved)
        product *= self._reference
        surface = fft.irfft2(product, s=self.shape, workers=self._workers)
        peak = np.array(np.unravel_index(int(np.argmax(surface)), self.shape))
        if not surface[tuple(peak)] > 0.0:
            return np.full(2, np.nan)
        start = peak + parabola(
            surface[(peak[0] + np.array([-1, 0, 1])) % self.shape[0], peak[1]],
            surface[peak[0], (peak[1] + np.array([-1, 0, 1])) % self.shape[1]],
        )
        found = self._refine(product, start)
        size = np.array(self.shape)
        return (found + size / 2) % size - size / 2

    def _refine(self, product: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Maximum of the correlation's Fourier series near `start`."""
        steps = np.arange(-_REACH, _REACH + 1) / self.upsample
        center = np.round(start * self.upsample) / self.upsample
        for _ in range(_MOVES):
            surface = self._series(product, center[0] + steps, center[1] + steps)
            y, x = np.unravel_index(int(np.argmax(surface)), surface.shape)
            if 0 < y < 2 * _REACH and 0 < x < 2 * _REACH:
                fine = parabola(surface[y - 1 : y + 2, x], surface[y, x - 1 : x + 2])
                return center + np.array([steps[y], steps[x]]) + fine / self.upsample
            center = center + np.array([steps[y], steps[x]])
        return center

    def _series(self, product: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Correlation at the displacements ``y`` x ``x``, up to a factor."""
        ky, kx = self._frequencies
        rows = np.exp(2j * np.pi * np.outer(y, ky)).astype(np.complex64)
        columns = np.exp(2j * np.pi * np.outer(kx, x)).astype(np.complex64)
        columns *= self._twice[:, None]
        surface = (rows @ product @ columns).real
        if not self._window:
            return surface
        return surface / np.outer(_overlap(y, self.shape[0]), _overlap(x, self.shape[1]))


def _overlap(shift: np.ndarray, size: int) -> np.ndarray:
    """Autocorrelation of the Hann window, one for no shift.

    Tapered images overlap less the further they are apart, which draws the maximum toward zero (by
    5 % in 64 pixels); divided by this the correlation is that of the scene.
    """
    turn = 2.0 * np.pi * np.minimum(np.abs(shift) % size, size - np.abs(shift) % size) / size
    whole = (1.0 - turn / (2.0 * np.pi)) * (2.0 + np.cos(turn)) / 3.0 + np.sin(turn) / (2.0 * np.pi)
    return np.maximum(whole, 1e-3)


def _hann(shape: tuple[int, ...]) -> np.ndarray:
    y, x = (np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 for n in shape)
    return np.outer(y, x).astype(np.float32)


def parabola(*triples: np.ndarray) -> np.ndarray:
    """Where the parabola through three neighbors has its maximum, relative to the middle one."""
    found = []
    for low, middle, high in triples:
        curvature = float(low) - 2.0 * float(middle) + float(high)
        offset = 0.5 * (float(low) - float(high)) / curvature if curvature < 0.0 else 0.0
        found.append(min(max(offset, -0.5), 0.5))
    return np.array(found)
