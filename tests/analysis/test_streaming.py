"""Stacks stored frame by frame: the same numbers, every frame read once, bounded memory."""

import threading

import dask.array as da
import h5py
import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis import blocks, fit_run, streaming
from socwidgets.analysis.fit import fit_map
from socwidgets.io.hdf5_layout import DatasetSource
from socwidgets.model.errors import CancelledError
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack

SHAPE = (33, 40)
AXIS = np.linspace(700, 730, 30)


@pytest.fixture
def small_memory(monkeypatch):
    """Limits so low that the little stacks of these tests count as too large."""
    monkeypatch.setattr(streaming, "LAZY_BYTES", 20_000)
    monkeypatch.setattr(blocks, "LAZY_BYTES", 20_000)
    monkeypatch.setattr(fit_run, "LAZY_BYTES", 2_000)
    monkeypatch.setattr(streaming, "STREAM_BYTES", 100_000)


@pytest.fixture
def references():
    shapes = {n: np.exp(-((AXIS - c) ** 2) / 8) for n, c in (("LFP", 710.0), ("FP", 716.0))}
    return make_references({n: (AXIS, s) for n, s in shapes.items()})


@pytest.fixture
def stack(rng, references):
    weights = rng.uniform(0, 0.6, (2, *SHAPE))
    signal = 0.5 + np.einsum("ce,cyx->eyx", references.values, weights)
    signal += rng.normal(0, 0.02, signal.shape)
    made = make_stack(signal.astype(np.float32), AXIS, quantity="optical_density", pixel_um=0.04)
    made.signal[3:5, 2, 3] = np.nan
    made.signal[:, 8, :9] = np.nan
    made.signal[11, 20:, 30] = np.nan
    return made


class Counted:
    """An array that counts how often each of its frames is read."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.ndim, self.reads, self.lock = values.ndim, np.zeros(len(values), int), threading.Lock()

    def __getitem__(self, key):
        with self.lock:
            self.reads[key[0]] += 1
        return self.values[key]


def lazy(stack, chunks):
    source = Counted(stack.signal.values)
    signal = da.from_array(source, chunks=chunks, name=False, asarray=True, meta=np.empty(0, "f4"))
    return stack.assign(signal=(stack.signal.dims, signal, stack.signal.attrs)), source


@pytest.mark.parametrize("thick", [1, 3, 4, 7])
@pytest.mark.parametrize("noise", [None, "residual", "noise"])
def test_same_numbers_frame_by_frame(stack, references, small_memory, thick, noise):
    if noise:
        stack["signal_std"] = xr.full_like(stack.signal, 0.02) * (1 + 0.5 * (stack.energy > 715))
    weighting = "noise" if noise == "noise" else "none"
    expected = fit_map(stack, references=references, weighting=weighting)
    frames = stack.chunk({"energy": thick})
    assert streaming.comes_by_frame(frames.signal, frames.get("signal_std"))
    found = fit_map(frames, references=references, weighting=weighting)
    xr.testing.assert_allclose(found.drop_attrs(), expected.drop_attrs(), rtol=1e-6, atol=1e-7)
    assert (found.status == expected.status).all()


def test_every_frame_is_read_once(stack, references, small_memory, monkeypatch):
    monkeypatch.setattr(streaming, "STREAM_BYTES", 10**8)
    whole = stack.fillna(0.5)
    by_frame, source = lazy(whole, (1, *SHAPE))
    fit_map(by_frame, references=references)
    assert (source.reads == 1).all()
    gapped, source = lazy(stack, (1, *SHAPE))
    valid = np.isfinite(stack.signal).all("energy")
    fit_map(gapped.assign(valid=valid), references=references)
    assert (source.reads == 1).all()  # spectra with gaps that nobody wants are not looked for


def test_bands_bound_the_memory(stack, references, small_memory):
    by_frame, source = lazy(stack.fillna(0.5), (1, *SHAPE))
    found = fit_map(by_frame, references=references)
    assert (source.reads > 1).all()
    expected = fit_map(stack.fillna(0.5), references=references)
    xr.testing.assert_allclose(found.drop_attrs(), expected.drop_attrs(), rtol=1e-6, atol=1e-7)


def test_blocks_follow_the_chunks(stack, references, small_memory, monkeypatch):
    monkeypatch.setattr(blocks, "LAZY_BYTES", 100_000)
    monkeypatch.setattr(streaming, "LAZY_BYTES", 100_000)
    by_rows, source = lazy(stack.fillna(0.5), (AXIS.size, 11, SHAPE[1]))
    found = fit_map(by_rows, references=references, block_pixels=100)
    assert source.reads.sum() == AXIS.size * 3  # three chunks, each of all energies
    expected = fit_map(stack.fillna(0.5), references=references)
    xr.testing.assert_equal(found.drop_attrs(), expected.drop_attrs())


@pytest.mark.parametrize("chunks", [(1, *SHAPE), (AXIS.size, 11, 13)])
def test_datasets_are_read_where_they_are_wanted(
    stack, references, small_memory, tmp_path, monkeypatch, chunks
):
    whole, path = stack.fillna(0.5), tmp_path / "stack.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("signal", data=whole.signal.values, chunks=chunks)
        source = DatasetSource(path, dataset)
    monkeypatch.setattr(DatasetSource, "__getitem__", lambda *_: pytest.fail("read by a copy"))
    signal = da.from_array(source, chunks=chunks, asarray=True, meta=np.empty(0, "f4"))
    from_file = whole.assign(signal=(whole.signal.dims, signal, whole.signal.attrs))
    expected = fit_map(whole, references=references)
    found = fit_map(from_file, references=references)
    xr.testing.assert_allclose(found.drop_attrs(), expected.drop_attrs(), rtol=1e-6, atol=1e-7)
    monkeypatch.undo()
    # What is calculated with is not read directly, and neither is another type.
    for changed in (signal + np.float32(0), signal.astype(np.float64)):
        other = whole.assign(signal=(whole.signal.dims, changed, whole.signal.attrs))
        found = fit_map(other, references=references)
        xr.testing.assert_allclose(found.drop_attrs(), expected.drop_attrs(), rtol=1e-5, atol=1e-6)


def test_progress_and_cancel(stack, references, small_memory):
    seen, cancel = [], threading.Event()
    fit_map(stack.chunk({"energy": 1}), references=references, progress=lambda *a: seen.append(a))
    assert seen[-1] == (SHAPE[0] * SHAPE[1],) * 2
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)

    def stop(done, total):
        cancel.set()

    by_frame, source = lazy(stack, (1, *SHAPE))
    with pytest.raises(CancelledError):
        fit_map(by_frame, references=references, progress=stop, cancel=cancel)
    assert (source.reads == 0).any()


def test_series_of_states(stack, references, small_memory):
    series = xr.concat([stack, stack + 0.1], "state")
    series.attrs = stack.attrs
    expected = fit_map(series, references=references)
    found = fit_map(series.chunk({"energy": 1, "state": 1}), references=references)
    xr.testing.assert_allclose(found.drop_attrs(), expected.drop_attrs(), rtol=1e-6, atol=1e-7)


def test_maps_are_views_of_one_array(stack, references):
    maps = fit_map(stack, references=references)
    assert maps.fraction_FP.values.base is maps.redchi.values.base


@pytest.mark.parametrize("kind", ["f4", "u2"])
@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize(
    "options",
    [{}, {"chunks": (1, *SHAPE)}, {"chunks": (3, 11, 13), "compression": "gzip"}],
    ids=["contiguous", "by frame", "gzip"],
)
def test_same_bits_with_and_without_h5py(
    stack, references, small_memory, tmp_path, monkeypatch, options, noise, kind
):
    """Tiles, decoded frames and what h5py reads; a window of energies, a part of the image."""
    values = np.nan_to_num(stack.signal.values) if kind == "f4" else stack.signal.values * 1000
    path = tmp_path / "stack.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("signal", data=np.nan_to_num(values).astype(kind), **options)
        file.create_dataset("std", data=np.full(values.shape, 0.5, "f4"), **options)
    with h5py.File(path, "r") as file:

        def fit():
            made = stack.copy()
            for name, source in (("signal", "signal"), ("signal_std", "std"))[: 1 + noise]:
                data = da.from_array(file[source], chunks=(2, *SHAPE))
                made[name] = (stack.signal.dims, data, stack.signal.attrs)
            part = made.isel(y=slice(1, 33), x=slice(2, 39))
            return fit_map(part, references=references, low=702, high=728).drop_attrs()

        found = fit()
        monkeypatch.setattr("socwidgets.analysis.storage.hdf5_index.CAN_READ", False)
        xr.testing.assert_identical(found, fit())
