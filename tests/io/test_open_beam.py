"""Flats and dark frames from files of their own: with energies, and as repeats without."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from io_factories import write_tiff

import socwidgets as soc
from socwidgets.io import save_bundle
from socwidgets.io.open_beam import read_open_beam
from socwidgets.model.errors import DataError, ReadError
from socwidgets.model.stack import make_stack

E = np.linspace(8300.0, 8400.0, 6)
RNG = np.random.default_rng(4)
SCAN = RNG.poisson(900, (6, 8, 9)).astype(np.uint16)
FLATS = RNG.poisson(3000, (5, 8, 9)).astype(np.uint16)


@pytest.fixture
def place(tmp_path):
    write_tiff(tmp_path / "scan.tif", SCAN, E)
    tifffile.imwrite(tmp_path / "flat.tif", FLATS)
    tifffile.imwrite(
        tmp_path / "dark.tif", np.zeros((3, 8, 9), np.uint16), photometric="minisblack"
    )
    return tmp_path


@pytest.mark.parametrize("general", [False, True])
def test_images_without_energies_are_repeats(place, general):
    """They were refused: there is no list of energies for flat.tif."""
    if general:  # one for the scan, which has other frames
        np.savetxt(place / "energies.txt", E)
    flat, dark = read_open_beam(place / "flat.tif", place / "dark.tif")
    assert flat.dims == ("repeat", "y", "x")
    assert dark.dims == ("y", "x")
    stack = soc.open_stack(place / "scan.tif")
    od = soc.optical_density(stack, flat=flat, dark=dark)
    np.testing.assert_allclose(od["signal"], -np.log(SCAN / FLATS.mean(0)), rtol=1e-4, atol=1e-5)
    # Five flats and the counts themselves make the noise.
    std = np.sqrt(1 / SCAN + 1 / 5 / FLATS.mean(0))
    np.testing.assert_allclose(od["signal_std"], std, rtol=0.02)


def test_a_single_image_and_a_folder_of_images(place):
    tifffile.imwrite(place / "one.tif", FLATS[0])
    (place / "flats").mkdir()
    for i, image in enumerate(FLATS):
        tifffile.imwrite(place / "flats" / f"f_{i}.tif", image)
    one, _ = read_open_beam(place / "one.tif", None)
    np.testing.assert_array_equal(one, FLATS[:1])
    many, _ = read_open_beam(str(place / "flats"), "")
    np.testing.assert_array_equal(many, FLATS)
    tifffile.imwrite(place / "flats" / "f_9.tif", FLATS[0, :4])
    with pytest.raises(DataError, match=r"f_9\.tif"):
        read_open_beam(place / "flats", None)


def test_flats_with_energies_keep_them(place):
    write_tiff(place / "flat_e.tif", FLATS.max() - SCAN, E)
    flat, _ = read_open_beam(place / "flat_e.tif", None)
    assert flat.dims == ("energy", "y", "x")
    np.testing.assert_allclose(flat.energy, E)
    save_bundle(place / "flat.nc", stack=make_stack(SCAN.astype(np.float32), E, quantity="counts"))
    again, none = read_open_beam(place / "flat.nc", None)
    assert again.dims == ("energy", "y", "x")
    assert none is None


def test_what_is_no_image_is_named(place):
    (place / "words.tif").write_text("no picture")
    with pytest.raises(ReadError, match=r"words\.tif"):
        read_open_beam(place / "words.tif", None)
    with pytest.raises(ReadError, match=r"gone\.tif"):
        read_open_beam(None, place / "gone.tif")
    cut = (place / "flat.tif").read_bytes()
    (place / "cut.tif").write_bytes(cut[: len(cut) // 2])
    with pytest.raises(ReadError, match=r"cut\.tif"):
        read_open_beam(place / "cut.tif", None)
