from __future__ import annotations

import sys
from importlib import metadata

import numpy as np
import pytest
from io_factories import write_als, write_frames, write_nexus, write_tiff

from socwidgets.io import Reader, fetch_als_stxm, lazy, open_stack, registry
from socwidgets.io.lazy import MEMORY_SHARE, FrameSource, available_memory, wants_lazy
from socwidgets.model.errors import ParameterError, ReadError
from socwidgets.model.stack import make_stack


def test_unknown_option_names_the_near_one(tmp_path, small_counts, small_energies):
    path = write_als(tmp_path, small_counts, small_energies)
    with pytest.raises(ParameterError, match="unknown option 'lasy'") as caught:
        open_stack(path, lasy=True)
    assert caught.value.fix == "did you mean 'lazy'?"
    assert "allow_missing" in caught.value.expected
    with pytest.raises(ParameterError, match="unknown option 'signal' for the format ALS"):
        open_stack(path, signal="/x")


@pytest.mark.parametrize("change", [{"pixel_um": 0}, {"pixel_um": "x"}, {"dim": "time"}])
def test_bad_option_values(tmp_path, small_counts, small_energies, change):
    path = write_tiff(tmp_path / "a.tif", small_counts, small_energies)
    with pytest.raises(ParameterError) as caught:
        open_stack(path, **change)
    assert caught.value.expected
    with pytest.raises(ParameterError, match="lazy has the wrong type"):
        open_stack(path, lazy="perhaps")


class Entry:
    value = "facility:reader"

    def __init__(self, name, result):
        self.name, self.result = name, result

    def load(self):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_entry_points(tmp_path, monkeypatch, small_counts, small_energies):
    def read(path, *, gain=1.0):
        return make_stack(np.load(path) * gain, small_energies)

    mine = Reader("facility", (".npy",), lambda path: path.suffix == ".npy", read)
    entries = [Entry("mine", mine), Entry("broken", ImportError("no module")), Entry("odd", 3)]
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries)
    np.save(tmp_path / "a.npy", small_counts)
    with pytest.warns(UserWarning, match="broken"):
        stack = open_stack(tmp_path / "a.npy", gain=2.0)
    np.testing.assert_array_equal(stack.signal.values, 2 * small_counts)
    with (
        pytest.warns(UserWarning, match=r"no socwidgets\.io\.registry\.Reader"),
        pytest.raises(ParameterError) as caught,
    ):
        open_stack(tmp_path / "a.npy", gian=2.0)
    assert caught.value.fix == "did you mean 'gain'?"


def test_every_builtin_option_is_documented():
    for reader in registry.BUILTIN:
        text = reader.read.__doc__ + (open_stack.__doc__ or "") + registry.tiff.read_tiff.__doc__
        missing = [name for name in reader.options() if name not in text]
        assert not missing, reader.name


def test_threshold_follows_the_free_memory(monkeypatch):
    monkeypatch.setattr(lazy, "available_memory", lambda: 1000)
    assert wants_lazy(int(1000 * MEMORY_SHARE) + 1, None)
    assert not wants_lazy(int(1000 * MEMORY_SHARE), None)
    assert wants_lazy(1, True)
    assert not wants_lazy(10**9, False)
    monkeypatch.setattr(lazy, "available_memory", lambda: None)
    assert not wants_lazy(10**18, None)


def test_free_memory_is_plausible():
    assert 10**7 < available_memory() < 10**15


def makers():
    yield "ALS", lambda f, c, e: write_als(f, c, e)
    yield "HDF5", lambda f, c, e: write_nexus(f / "a.h5", c, e)
    yield "TIFF", lambda f, c, e: write_tiff(f / "a.tif", c, e)
    yield "folder", lambda f, c, e: write_frames(f / "s", c, e)


@pytest.mark.parametrize(("name", "make"), makers())
def test_larger_than_memory_is_read_lazily(
    tmp_path, monkeypatch, small_counts, small_energies, name, make
):
    path = make(tmp_path, small_counts, small_energies)
    eager = open_stack(path)
    monkeypatch.setattr(lazy, "available_memory", lambda: 100)
    stack = open_stack(path)
    assert eager.signal.chunks is None
    assert stack.signal.chunks is not None
    np.testing.assert_array_equal(stack.signal.values, eager.signal.values)
    # The same file has the same name in the provenance, so a result can be traced.
    again = open_stack(path)
    assert again.signal.data.name == stack.signal.data.name


@pytest.mark.parametrize(("name", "make"), makers())
def test_without_dask(tmp_path, monkeypatch, small_counts, small_energies, name, make):
    path = make(tmp_path, small_counts, small_energies)
    monkeypatch.setitem(sys.modules, "dask", None)
    monkeypatch.setitem(sys.modules, "dask.array", None)
    with pytest.raises(ReadError, match="needs dask") as caught:
        open_stack(path, lazy=True)
    assert "socwidgets[big]" in caught.value.fix
    np.testing.assert_array_equal(open_stack(path).signal.values, small_counts)


def test_frame_source_reads_only_what_is_asked_for():
    frames = np.arange(4 * 3 * 5.0).reshape(4, 3, 5)
    seen = []

    def read(index):
        seen.append(index)
        return frames[index]

    source = FrameSource(read, 4, (3, 5), np.float64)
    for key in [
        (slice(1, 3), slice(None), slice(1, 4)), (slice(None, None, 2),), (2, slice(2), 3), 1,
        (slice(0, 0), slice(None), slice(None)),
    ]:  # fmt: skip
        np.testing.assert_array_equal(source[key], frames[key])
    assert seen == [1, 2, 0, 2, 2, 1]


@pytest.mark.realdata
def test_example_data_from_a_local_folder(shared_data, monkeypatch):
    monkeypatch.setenv("SOCWIDGETS_DATA", str(shared_data))
    folder = fetch_als_stxm()
    assert folder == shared_data / "als_stxm_fe"
    assert (folder / "oxidized.t").is_file()
    monkeypatch.setenv("SOCWIDGETS_DATA", str(folder))
    assert fetch_als_stxm() == folder
