from __future__ import annotations

import json

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from socwidgets.io import open_bundle, open_references, open_stack, regions_of, rois_of, save_bundle
from socwidgets.model.errors import DataError, OutputError, ParameterError, ReadError
from socwidgets.model.mapset import status_variable, validate_maps
from socwidgets.model.provenance import record, steps
from socwidgets.model.roi import ROI, Ellipse, Polygon, Rectangle, Threshold

SUFFIXES = [".nc", ".zarr"]


@pytest.fixture
def stack(small_stack):
    rng = np.random.default_rng(1)
    small_stack["valid"] = (("y", "x"), rng.random((5, 6)) > 0.3)
    small_stack["labels"] = (("y", "x"), rng.integers(0, 5, (5, 6)).astype(np.int32))
    # xarray would turn variables with such units into time spans.
    small_stack["elapsed"] = ("energy", np.arange(8.0), {"units": "seconds"})
    small_stack.attrs.update(
        flag=True, nothing=None, numbers=[1, 2], single=[3], empty="", words=["a", "b"], mapping={
            "a": [1, None]}, float32=np.float32(1.5), array=np.array([1, 2], np.uint8), number=7,
    )  # fmt: skip
    return record(small_stack, "socwidgets.test", {"text": "é" * 100_000})


@pytest.fixture
def maps(stack):
    rng = np.random.default_rng(2)
    values = np.where(rng.random((5, 6)) > 0.5, np.nan, rng.random((5, 6))).astype(np.float32)
    maps = xr.Dataset(
        {
            "fraction_FP": (("y", "x"), values, {"kind": "fraction", "units": "1"}),
            "status": status_variable(rng.integers(0, 8, (5, 6)), ("y", "x")),
            "one_flag": (("y", "x"), np.zeros((5, 6), np.uint8), {"flag_values": np.uint8([0])}),
            "int8": ("y", np.arange(-2, 3, dtype=np.int8)),
            "big": ("y", 2**53 + np.arange(5)),
            "scalar": 3.5,
            "text": "words",
        },
        coords={"y": stack.y, "x": stack.x},
    )
    validate_maps(maps[["fraction_FP", "status"]])
    return maps


@pytest.fixture
def references(stack):
    return xr.DataArray(
        np.random.default_rng(3).random((2, 8)),
        coords={"component": ["LFP", "Fe(III)é"], "energy": stack.energy},
        dims=("component", "energy"),
        name="reference",
    )


ROIS = [
    ROI("all", Rectangle(0, 0, 1, 1)),
    ROI("core", Ellipse(0.1, 0.2, 1 / 3, 0.5), "#0072b2"),
    # A long lasso: HDF5 attributes end at 64 kB.
    ROI("lasso", Polygon([(i / 7, i**0.5) for i in range(5000)])),
    ROI("charged", Threshold("soc", 0.7, 1.2)),
]


def same(found: xr.Dataset, wanted: xr.Dataset) -> None:
    xr.testing.assert_identical(found, wanted)
    assert list(found.data_vars) == list(wanted.data_vars)
    assert found.attrs.keys() == wanted.attrs.keys()
    for name, variable in wanted.variables.items():
        assert found[name].dtype == variable.dtype, name
        assert str(found[name].attrs) == str(variable.attrs), name
    for name, value in wanted.attrs.items():
        assert type(found.attrs[name]) is type(value), name


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("lazy", [None, True])
def test_round_trip_is_exact(tmp_path, stack, maps, references, suffix, lazy):
    regions = pd.DataFrame(
        {"area": [1.0, np.nan], "n": [3, 4], "name": ["p1", "pä"], "ok": [True, False]},
        index=pd.Index([1, 2], name="label"),
    )
    path = save_bundle(
        tmp_path / f"a{suffix}", stack=stack, maps=maps, soc=maps, references=references,
        labels=stack.labels, regions=regions, rois=ROIS,
    )  # fmt: skip
    tree = open_bundle(path, lazy=lazy)
    same(tree["stack"].to_dataset(), stack)
    same(tree["maps"].to_dataset(), maps)
    same(tree["soc"].to_dataset(), maps)
    same(tree["references"].to_dataset(), references.to_dataset())
    same(tree["labels"].to_dataset(), stack.labels.to_dataset())
    assert rois_of(tree) == ROIS
    pd.testing.assert_frame_equal(regions_of(tree), regions)
    assert (tree["stack"].signal.chunks is not None) is bool(lazy)
    assert steps(tree["stack"].to_dataset()) == steps(stack)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_open_stack_and_references_of_a_bundle(tmp_path, stack, references, suffix):
    path = save_bundle(tmp_path / f"a{suffix}", stack=stack, references=references)
    stack.attrs["checked_frames"] = "all 8"
    same(open_stack(path), stack)
    again = open_stack(path, lazy=True)
    assert again.signal.chunks is not None
    np.testing.assert_array_equal(again.signal.values, stack.signal.values)
    assert [step["function"] for step in steps(again)] == [
        "socwidgets.test", "socwidgets.io.open_stack",
    ]  # fmt: skip
    xr.testing.assert_identical(open_references(path), references)


def test_twice_saved_is_the_same(tmp_path, stack, maps):
    save_bundle(tmp_path / "a.nc", stack=stack, maps=maps)
    first = open_bundle(tmp_path / "a.nc")
    parts = {name: node.to_dataset() for name, node in first.children.items()}
    save_bundle(tmp_path / "a.nc", **parts)
    second = open_bundle(tmp_path / "a.nc")
    same(second["stack"].to_dataset(), stack)
    same(second["maps"].to_dataset(), maps)


def test_lazy_stack_is_written_from_its_source(tmp_path, stack):
    save_bundle(tmp_path / "a.nc", stack=stack)
    save_bundle(tmp_path / "b.nc", stack=open_stack(tmp_path / "a.nc", lazy=True))
    np.testing.assert_array_equal(open_stack(tmp_path / "b.nc").signal, stack.signal)


def test_plain_netcdf_stack(tmp_path, small_stack):
    small_stack.to_netcdf(tmp_path / "plain.nc", engine="h5netcdf")
    stack = open_stack(tmp_path / "plain.nc")
    np.testing.assert_array_equal(stack.signal.values, small_stack.signal.values)
    assert stack.attrs["sample"] == "made for a test"
    packed = {"signal": {"dtype": "int16", "scale_factor": 0.5, "_FillValue": -1}}
    small_stack.signal[2, 3, 4] = np.nan
    small_stack.to_netcdf(tmp_path / "packed.nc", engine="h5netcdf", encoding=packed)
    with pytest.warns(UserWarning, match="not finite"):
        stack = open_stack(tmp_path / "packed.nc")
    np.testing.assert_array_equal(stack.signal.values, small_stack.signal.values)
    path = save_bundle(tmp_path / "again.nc", stack=stack)
    same(open_bundle(path)["stack"].to_dataset(), stack)


def test_other_programs_can_read_it(tmp_path, stack):
    save_bundle(tmp_path / "a.nc", stack=stack, rois=ROIS)
    with h5py.File(tmp_path / "a.nc") as file:
        np.testing.assert_array_equal(file["stack/signal"][()], stack.signal.values)
        assert file["stack/energy"].attrs["units"] == "eV"
        assert json.loads(file["rois/rois"][0])["name"] == "all"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_failed_save_keeps_the_old_bundle(tmp_path, stack, monkeypatch, suffix):
    path = save_bundle(tmp_path / f"a{suffix}", stack=stack)

    def full(self, target, **options):
        target.mkdir(exist_ok=True) if suffix == ".zarr" else target.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.DataTree, "to_zarr" if suffix == ".zarr" else "to_netcdf", full)
    with pytest.raises(OutputError, match="disk is full"):
        save_bundle(path, stack=stack.isel(energy=slice(3)))
    monkeypatch.undo()
    assert open_bundle(path)["stack"].sizes["energy"] == 8
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_full_disk_is_noticed_before_hdf5_writes(tmp_path, stack, monkeypatch):
    path = save_bundle(tmp_path / "a.nc", stack=stack)
    asked = []

    def full(descriptor, offset, size):
        asked.append(size)
        raise OSError(122, "Disk quota exceeded")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(OutputError, match="disk is full"):
        save_bundle(path, stack=stack)
    assert asked[0] > stack.nbytes
    assert open_bundle(path)["stack"].sizes["energy"] == 8
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_bad_arguments(tmp_path, stack):
    with pytest.raises(ParameterError, match="no part 'map'"):
        save_bundle(tmp_path / "a.nc", map=stack)
    with pytest.raises(ParameterError, match="nothing to save"):
        save_bundle(tmp_path / "a.nc", stack=None)
    with pytest.raises(DataError, match="labels cannot be saved"):
        save_bundle(tmp_path / "a.nc", labels=stack.labels.values)
    with pytest.raises(DataError, match="must be ROI"):
        save_bundle(tmp_path / "a.nc", rois=[Rectangle(0, 0, 1, 1)])
    with pytest.raises(OutputError, match=r"cannot save a bundle as a\.txt"):
        save_bundle(tmp_path / "a.txt", stack=stack)
    stack.attrs["function"] = print
    with pytest.raises(DataError, match="attribute 'function'"):
        save_bundle(tmp_path / "a.nc", stack=stack)
    assert list(tmp_path.iterdir()) == []


def test_bad_files(tmp_path, stack, maps):
    with pytest.raises(ReadError, match="no file or folder"):
        open_bundle(tmp_path / "no.nc")
    (tmp_path / "a.nc").write_text("no netCDF")
    with pytest.raises(ReadError, match="damaged, or no bundle"):
        open_bundle(tmp_path / "a.nc")
    path = save_bundle(tmp_path / "b.nc", maps=maps)
    with pytest.raises(ReadError, match="holds no stack") as caught:
        open_stack(path)
    assert caught.value.found == "maps"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError):
        open_bundle(path)
    path.write_bytes(whole)
    with h5py.File(path, "a") as file:
        file.attrs["socwidgets_bundle"] = 99
    with pytest.raises(ReadError, match="newer socwidgets"):
        open_bundle(path)


def test_without_zarr(tmp_path, stack, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    with pytest.raises(OutputError, match="needs zarr") as caught:
        save_bundle(tmp_path / "a.zarr", stack=stack)
    assert "socwidgets[big]" in caught.value.fix
