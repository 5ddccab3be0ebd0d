"""What a detector makes of light: Poisson counts, dark level, read noise, full scale."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
import xarray as xr

from socwidgets.model.names import DARK, FLAT, SIGNAL, X, Y
from socwidgets.model.parameters import param
from socwidgets.model.stack import make_stack
from socwidgets.phantoms.phantom import Phantom

_DARK_FRAMES = 10
#: Counts at which a 16-bit detector is full.
FULL_SCALE = 65535.0


class Detector(Protocol):
    """What the functions of this module read of an instrument; it may be frozen."""

    @property
    def n_flats(self) -> int: ...  # noqa: D102
    @property
    def dark(self) -> float: ...  # noqa: D102
    @property
    def read_noise(self) -> float: ...  # noqa: D102
    @property
    def full_scale(self) -> float: ...  # noqa: D102


def full_scale_param() -> float:
    """Field of an instrument: where its detector is full."""
    made: float = param(
        FULL_SCALE, "Counts at which the detector is full: brighter light reads as this.",
        unit="counts", low=100, high=FULL_SCALE,
    )  # fmt: skip
    return made


def read_counts(
    expected: np.ndarray, detector: Detector, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One reading of the detector.

    Parameters
    ----------
    expected : ndarray
        ``(y, x)``, mean number of photons.
    detector : Detector
        Dark level, read noise and full scale.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    counts : ndarray
        ``(y, x)`` uint16.
    full : ndarray of bool
        ``(y, x)``, where the detector was full: those counts are the limit, not the light.
    """
    read = detector.dark + detector.read_noise * rng.standard_normal(expected.shape)
    counts = np.rint(rng.poisson(expected) + read)
    full = counts >= detector.full_scale
    return np.clip(counts, 0, detector.full_scale).astype(np.uint16), full


def record_counts(
    phantom: Phantom,
    detector: Detector,
    energies: np.ndarray,
    exposures: Iterable[tuple[np.ndarray, np.ndarray]],
    rng: np.random.Generator,
    **attrs: Any,
) -> xr.Dataset:
    """Stack of counts with flats and darks from the light of each exposure.

    Parameters
    ----------
    phantom : Phantom
        For the axes and the record.
    detector : Detector
        Full field or a scanning one, pixel by pixel.
    energies : ndarray
        ``(energy,)``, eV, as the beamline states them.
    exposures : iterable of (ndarray, ndarray)
        Per energy, mean photons ``(y, x)`` with and without the sample.
    rng : numpy.random.Generator
        Source of the noise.
    **attrs
        Attributes of the stack, such as ``technique``.

    Returns
    -------
    xarray.Dataset
        ``signal`` ``(energy, y, x)`` and ``flat`` ``(flat_frame, energy, y, x)``, uint16; ``dark``
        ``(y, x)`` float32, mean of ten; ``truth_saturated`` ``(y, x)`` where the detector was full
        in any frame or flat. The attribute ``full_scale`` holds the limit.
    """
    shape = (phantom.truth.sizes[Y], phantom.truth.sizes[X])
    signal = np.empty((energies.size, *shape), np.uint16)
    flats = np.empty((detector.n_flats, energies.size, *shape), np.uint16)
    saturated = np.zeros(shape, bool)
    for i, (with_sample, without) in enumerate(exposures):
        signal[i], full = read_counts(with_sample, detector, rng)
        saturated |= full
        for flat in flats:
            flat[i], full = read_counts(without, detector, rng)
            saturated |= full
    stack = make_stack(
        signal, energies, y=phantom.truth[Y].values, x=phantom.truth[X].values, counts="photons",
        full_scale=float(detector.full_scale), sample=f"phantom: {phantom.kind}",
        note="simulated: the sample is a phantom with known truth",
        phantom=json.dumps({**phantom.params.to_dict(), "seed": phantom.seed}), **attrs,
    )  # fmt: skip
    stack[SIGNAL].attrs.update(long_name="Counts", units="1")
    words = {"long_name": "Flat field", "units": "1"}
    stack[FLAT] = (("flat_frame", "energy", Y, X), flats, words)
    noise = detector.read_noise / np.sqrt(_DARK_FRAMES) * rng.standard_normal(shape)
    dark = (detector.dark + noise).astype(np.float32)
    stack[DARK] = ((Y, X), dark, {"long_name": "Dark level", "units": "1"})
    if saturated.any():
        words = {"long_name": "True saturation", "units": "1"}
        stack["truth_saturated"] = ((Y, X), saturated, words)
    return stack
