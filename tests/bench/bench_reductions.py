"""Regions, particles, registration and components."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr
from harness import Case, Row, medians, seconds
from scipy import ndimage

from socwidgets.analysis.cross_correlation import CrossCorrelation
from socwidgets.analysis.decomposition import pca
from socwidgets.analysis.label_table import label_statistics
from socwidgets.analysis.roi import roi_spectrum
from socwidgets.analysis.roi_index import TileIndex
from socwidgets.model.stack import make_stack

SIDE = 1024


def random_stack() -> xr.Dataset:
    """Stack of 100 energies: three components and noise."""
    rng = np.random.default_rng(0)
    loadings = rng.random((100, 3), dtype=np.float32)
    signal = loadings @ rng.random((3, SIDE * SIDE), dtype=np.float32)
    for row in signal:
        row += 0.05 * rng.standard_normal(row.size, dtype=np.float32)
    axis = np.linspace(700.0, 730.0, 100)
    images = signal.reshape(100, SIDE, SIDE)
    return make_stack(images, axis, quantity="optical_density", pixel_um=0.04)


def disc(radius: float) -> xr.DataArray:
    """Mask of a disc in the middle of the field."""
    y, x = np.indices((SIDE, SIDE)) - SIDE / 2
    return xr.DataArray(np.hypot(y, x) < radius, dims=("y", "x"))


def numpy_region(stack: xr.Dataset, mask: xr.DataArray) -> Callable[[], object]:
    """Mean and standard deviation, the way they are usually written."""
    signal, inside = stack.signal.values, mask.values

    def run() -> object:
        chosen = signal[:, inside]
        return chosen.mean(axis=1), chosen.std(axis=1)

    return run


def regions(stack: xr.Dataset) -> Iterator[Row]:
    """Compact regions within 10 ms, large ones 50 times numpy."""
    index = TileIndex.build(stack)
    built = medians({"build": lambda: TileIndex.build(stack)})["build"]
    share = 100 * index.nbytes / stack.signal.nbytes
    yield Row("tile index: build", seconds(built), ratio=f"{share:.2g} % of the stack")
    for radius, words in ((10, "small"), (100, "medium"), (0.45 * SIDE, "large")):
        mask = disc(radius)
        found = medians(
            {
                "index": lambda mask=mask: index.spectrum(mask),
                "plain": lambda mask=mask: roi_spectrum(stack, mask),
                "numpy": numpy_region(stack, mask),
            }
        )
        name = f"mean + std of a disc, radius {radius:.0f} px ({words})"
        ratio = found["numpy"] / found["index"]
        large = words == "large"
        yield Row(
            name, seconds(found["index"]), "numpy S[:, mask]", seconds(found["numpy"]),
            f"{ratio:.3g}", ">= 50" if large else "", ratio >= 50 if large else None,
        )  # fmt: skip
        good = found["index"] < 0.010
        yield Row(name, seconds(found["index"]), "10 ms", target="< 10 ms", good=good)
        plain = found["numpy"] / found["plain"]
        yield Row(
            f"{name}, without index", seconds(found["plain"]), "numpy S[:, mask]",
            seconds(found["numpy"]), f"{plain:.3g}",
        )  # fmt: skip


def many_particles(side: int = 2048, across: int = 71) -> tuple[xr.DataArray, xr.DataArray]:
    """Map and labels of some 5000 discs on a grid."""
    pitch = side / across
    y, x = np.indices((side, side))
    row, column = (y / pitch).astype(np.int32), (x / pitch).astype(np.int32)
    distance = np.hypot(y - (row + 0.5) * pitch, x - (column + 0.5) * pitch)
    labels = np.where(distance < 0.39 * pitch, 1 + row * across + column, 0).astype(np.int32)
    values = np.random.default_rng(1).normal(0.5, 0.1, (side, side)).astype(np.float32)
    return xr.DataArray(values, dims=("y", "x")), xr.DataArray(labels, dims=("y", "x"))


def particles() -> Case:
    """Table of 5041 particles of a 2048 x 2048 map."""
    values, labels = many_particles()
    v, flat = values.values, labels.values
    ids = np.arange(1, flat.max() + 1)
    functions = (
        ndimage.mean, ndimage.standard_deviation, ndimage.median, ndimage.minimum, ndimage.maximum,
    )  # fmt: skip

    def frame() -> object:
        import pandas as pd

        inside = flat > 0
        grouped = pd.Series(v[inside]).groupby(flat[inside])
        return grouped.mean(), grouped.std(), grouped.median(), grouped.min(), grouped.max()

    return Case(
        f"mean, std, median, min, max, centroid of {ids.size} particles, 2048 x 2048",
        lambda: label_statistics(values, labels, quantiles=(0.5,)),
        {
            "scipy.ndimage": (lambda: [f(v, flat, ids) for f in functions], 1.0, 15.0),
            "pandas groupby": (frame, 1.0, 0.0),
        },
    )


def registration() -> Iterator[Row]:
    """Time and error of the displacement of frames."""
    from skimage.registration import phase_cross_correlation

    rng = np.random.default_rng(2)
    size = SIDE + 64
    spectrum = np.fft.fft2(ndimage.gaussian_filter(rng.normal(size=(size, size)), 4, mode="wrap"))
    spectrum /= np.fft.ifft2(spectrum).real.std()
    ky, kx = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")

    def view(shift: np.ndarray) -> np.ndarray:
        turned = spectrum * np.exp(-2j * np.pi * (ky * shift[0] + kx * shift[1]))
        image = np.fft.ifft2(turned).real[32:-32, 32:-32]
        return (image + rng.normal(0, 0.3, image.shape)).astype(np.float32)

    reference, planted = view(np.zeros(2)), rng.uniform(-6, 6, (6, 2))
    frames = [view(shift) for shift in planted]
    ours = CrossCorrelation(reference)
    routes: dict[str, Callable[[np.ndarray], np.ndarray]] = {"ours": ours.displacement}
    for words, normalization in (("phase, its default", "phase"), ("normalization=None", None)):
        routes[f"skimage {words}"] = lambda frame, n=normalization: (
            -phase_cross_correlation(reference, frame, upsample_factor=20, normalization=n)[0]
        )
    errors = {
        name: float(np.sqrt(np.mean((np.array([f(x) for x in frames]) - planted) ** 2)))
        for name, f in routes.items()
    }
    times = medians({name: (lambda f=f: f(frames[0])) for name, f in routes.items()})
    for name in list(routes)[1:]:
        ratio = times[name] / times["ours"]
        yield Row(
            f"displacement of a frame, {SIDE} x {SIDE}", seconds(times["ours"]), name,
            seconds(times[name]), f"{ratio:.3g}", ">= 2", ratio >= 2,
        )  # fmt: skip
        yield Row(
            "its error (root mean square)", f"{errors['ours']:.4f} px", name,
            f"{errors[name]:.4f} px", target="no larger", good=errors["ours"] <= errors[name],
        )  # fmt: skip


def components(stack: xr.Dataset) -> Case:
    """Five principal components with scores."""
    signal = stack.signal.values

    def sklearn() -> object:
        from sklearn.decomposition import PCA

        spectra = signal.reshape(signal.shape[0], -1).T
        return PCA(5, svd_solver="covariance_eigh").fit_transform(spectra)

    here = importlib.util.find_spec("sklearn") is not None
    return Case(
        f"5 principal components and scores, {SIDE} x {SIDE} x 100",
        lambda: pca(stack, n_components=5),
        {"scikit-learn PCA (covariance_eigh)": (sklearn if here else None, 1.0, 1 / 1.2)},
    )


def cases() -> Iterator[Case]:
    """Ratios to named alternatives."""
    yield particles()
    yield components(random_stack())


def rows() -> Iterator[Row]:
    """What needs more than a ratio."""
    yield from regions(random_stack())
    yield from registration()
