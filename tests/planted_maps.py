"""Maps with a planted spread, noise and correlation length, for tests of heterogeneity."""

import numpy as np
import xarray as xr


def random_field(rng, shape, length):
    """Gaussian field of variance 1 and mean 0 in expectation, covariance exp(-h^2/(2 l^2)).

    Cut out of a larger periodic one and not standardized: its mean and variance are those of a
    piece of an endless sample, which is what the intervals are about.
    """
    size = [n + int(8 * length) for n in shape]
    k = np.meshgrid(*[2 * np.pi * np.fft.fftfreq(n) for n in size], indexing="ij")
    transfer = np.exp(-sum(a**2 for a in k) * length**2 / 4)
    field = np.fft.ifftn(np.fft.fftn(rng.standard_normal(size)) * transfer).real
    return field[tuple(slice(n) for n in shape)] / np.sqrt(np.mean(transfer**2))


def map_set(values, noise, *, pixel=0.04, thickness=None, kind="soc", dims=("y", "x")):
    coords = {d: np.arange(n) * pixel for d, n in zip(dims, values.shape, strict=True)}
    maps = xr.Dataset(
        {
            "soc": (dims, values, {"kind": kind, "units": "1"}),
            "soc_std": (dims, np.full(values.shape, noise)),
            "status": (dims, np.zeros(values.shape, np.uint8)),
        },
        coords,
    )
    if thickness is not None:
        maps["thickness"] = (dims, thickness)
    return maps
