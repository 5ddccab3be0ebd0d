from __future__ import annotations

import pickle

import numpy as np
import pytest
import tifffile
from io_factories import write_als, write_frames, write_tiff

from socwidgets.analysis.storage.descriptors import CAN_READ
from socwidgets.io import open_mask, open_stack
from socwidgets.io.energy_list import find_energy_list
from socwidgets.io.tiff_source import TiffSource
from socwidgets.model.errors import DataError, ReadError


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"imagej": True}])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_round_trip(tmp_path, small_counts, small_energies, dtype, options):
    counts = small_counts.astype(dtype)
    path = write_tiff(tmp_path / "a.tif", counts, small_energies, **options)
    for lazy in (False, True):
        stack = open_stack(path, lazy=lazy, pixel_um=0.05)
        assert stack.signal.dtype == dtype
        np.testing.assert_array_equal(stack.signal.values, counts)
        np.testing.assert_array_equal(stack.signal[3, 1:4, 2].values, counts[3, 1:4, 2])
        np.testing.assert_allclose(stack.energy.values, small_energies)
        np.testing.assert_allclose(stack.x.values, 0.05 * np.arange(6))


def test_pixel_size_from_imagej_else_pixels(tmp_path, small_counts, small_energies):
    write_tiff(
        tmp_path / "a.tif", small_counts, small_energies,
        imagej=True, resolution=(20.0, 20.0), metadata={"unit": "um"},
    )  # fmt: skip
    stack = open_stack(tmp_path / "a.tif")
    np.testing.assert_allclose(stack.x.values, 0.05 * np.arange(6))
    write_tiff(tmp_path / "b.tif", small_counts, small_energies)
    assert open_stack(tmp_path / "b.tif").x.attrs["units"] == "pixel"


def test_energies_given(tmp_path, small_counts, small_energies):
    path = write_tiff(tmp_path / "a.tif", small_counts)
    stack = open_stack(path, energies=small_energies, i0=np.full(8, 400.0))
    np.testing.assert_allclose(stack.energy.values, small_energies)
    np.testing.assert_allclose(stack.i0.values, 400.0)
    (tmp_path / "list.dat").write_text("# index energy\n" + "".join(
        f"{i} {e / 1000}\n" for i, e in enumerate(small_energies)))  # fmt: skip
    with pytest.warns(UserWarning, match="keV"):
        stack = open_stack(path, energies=tmp_path / "list.dat")
    np.testing.assert_allclose(stack.energy.values, small_energies)


def test_name_rule(tmp_path):
    path = tmp_path / "a.tif"
    assert find_energy_list(path) is None
    for name in ("energy_list.txt", "energies.csv", "a_energies.txt", "a.dat", "a.txt"):
        (tmp_path / name).write_text("1\n")
        assert find_energy_list(path).name == name
    folder = tmp_path / "b"
    folder.mkdir()
    assert find_energy_list(folder) is None
    (tmp_path / "b.txt").write_text("1\n")
    assert find_energy_list(folder) == tmp_path / "b.txt"
    (folder / "energies.txt").write_text("1\n")
    assert find_energy_list(folder) == folder / "energies.txt"


def test_no_energy_list(tmp_path, small_counts):
    with pytest.raises(ReadError, match="no list of energies") as caught:
        open_stack(write_tiff(tmp_path / "a.tif", small_counts))
    assert "a_energies.txt" in caught.value.expected


def test_pages_of_another_shape_and_colors(tmp_path, small_counts, small_energies):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for frame in (*small_counts[:3], small_counts[3, :4], *small_counts[4:]):
            tif.write(frame, contiguous=False)
    with pytest.raises(DataError, match=r"page 3 of .* has another shape"):
        open_stack(tmp_path / "a.tif", energies=small_energies)
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((5, 6, 3), np.uint8), photometric="rgb")
    with pytest.raises(DataError, match="single-channel"):
        open_stack(tmp_path / "rgb.tif", energies=[700.0])


@pytest.mark.parametrize("options", [{}, {"imagej": True}, {"compression": "zlib"}])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_truncated(tmp_path, small_energies, share, options):
    rng = np.random.default_rng(1)
    counts = rng.poisson(300, (8, 40, 50)).astype(np.uint16)
    path = write_tiff(tmp_path / "a.tif", counts, small_energies, **options)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    # Cut between two pages a TIFF is complete in itself: then the energies do not fit.
    with pytest.raises((ReadError, DataError)) as caught:
        open_stack(path)
    assert caught.value.fix


def test_folder(tmp_path, small_energies):
    rng = np.random.default_rng(2)
    counts = rng.poisson(300, (12, 5, 6)).astype(np.uint16)
    energies = 700 + np.arange(12.0)
    folder = write_frames(tmp_path / "scan", counts, energies)
    for lazy in (False, True):
        # scan_10 comes after scan_9, not after scan_1.
        stack = open_stack(folder, lazy=lazy)
        np.testing.assert_array_equal(stack.signal.values, counts)
    np.testing.assert_allclose(stack.energy.values, energies)


def test_folder_of_als_frames_without_header(tmp_path, small_counts, small_energies):
    write_als(tmp_path, small_counts, small_energies).unlink()
    stack = open_stack(tmp_path, energies=small_energies, pixel_um=0.08)
    np.testing.assert_array_equal(stack.signal.values, small_counts)
    assert stack.attrs["quantity"] == "counts"


def test_tiff_mask(tmp_path, small_stack):
    kept = np.random.default_rng(4).random((5, 6)) > 0.5
    write_tiff(tmp_path / "m.tif", kept.astype(np.uint8) * 255)
    np.testing.assert_array_equal(open_mask(tmp_path / "m.tif", small_stack).values, kept)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True, "rowsperstrip": 7},
        {"imagej": True},
        {"compression": "zlib", "rowsperstrip": 16},
        {"compression": "lzma"},
        {"tile": (16, 16)},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_parts_of_pages(tmp_path, options, dtype):
    values = np.random.default_rng(5).normal(900, 30, (9, 40, 50)).astype(dtype)
    opening = {k: v for k, v in options.items() if k in ("byteorder", "bigtiff", "imagej")}
    each = {k: v for k, v in options.items() if k not in opening}
    with tifffile.TiffWriter(tmp_path / "a.tif", **opening) as tif:
        for frame in values:
            tif.write(frame, contiguous="imagej" in options, **each)
    source = pickle.loads(pickle.dumps(TiffSource(tmp_path / "a.tif")))
    for key in (
        np.s_[:], np.s_[2:7, 5:9, 11:13], np.s_[4], np.s_[-1, 3], np.s_[::3, ::-2, 7], np.s_[4:4],
        np.s_[1:3, 2], (slice(2, 5), slice(None), np.array([1, 4])),
    ):  # fmt: skip
        found = source[key]
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, values[key])


def test_pages_packed_in_different_ways(tmp_path):
    values = np.arange(4 * 30 * 20, dtype=np.uint16).reshape(4, 30, 20)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for frame, packed in zip(values, (None, "zlib", "lzma", None), strict=True):
            tif.write(frame, contiguous=False, compression=packed)
    np.testing.assert_array_equal(TiffSource(tmp_path / "a.tif")[:, 3:29], values[:, 3:29])


@pytest.mark.skipif(not CAN_READ, reason="this system cannot read into memory at a given place")
def test_unpacked_pages_are_read_without_another_look_at_the_file(tmp_path, monkeypatch):
    values = np.arange(6 * 30 * 20, dtype=np.uint16).reshape(6, 30, 20)
    path = write_tiff(tmp_path / "a.tif", values, np.arange(700.0, 706.0))
    stack = open_stack(path, lazy=True)
    with monkeypatch.context() as patch:
        patch.setattr(tifffile, "TiffFile", None)
        np.testing.assert_array_equal(stack.signal[1:4].values, values[1:4])
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ReadError, match="damaged or truncated"):
        stack.signal[5].compute()


def test_packed_in_a_way_that_needs_another_package(tmp_path, monkeypatch):
    values = np.zeros((2, 30, 20), np.uint16)
    path = write_tiff(tmp_path / "a.tif", values, [700.0, 701.0], compression="zlib")
    words = "<COMPRESSION.LZW: 5> requires the 'imagecodecs' package"

    def refuse(*_args, **_options):
        raise KeyError(words)

    monkeypatch.setattr(tifffile.TiffFrame, "asarray", refuse)
    with pytest.raises(ReadError, match="not installed") as caught:
        open_stack(path)
    assert "imagecodecs" in caught.value.fix
