from __future__ import annotations

import h5py
import numpy as np
import pytest
from io_factories import write_nexus

from socwidgets.io import open_stack
from socwidgets.model.errors import DataError, ReadError, UnitError


def test_default_chain(tmp_path, small_counts, small_energies):
    stack = open_stack(write_nexus(tmp_path / "a.nxs", small_counts, small_energies))
    np.testing.assert_array_equal(stack.signal.values, small_counts)
    np.testing.assert_array_equal(stack.energy.values, small_energies)
    np.testing.assert_allclose(stack.y.values, 0.2 * np.arange(5))
    np.testing.assert_allclose(stack.x.values, 0.1 * np.arange(6))
    assert stack.attrs["source_dataset"] == "/entry/counter0/data"
    assert stack.attrs["quantity"] == "intensity"


def test_integers_are_counts_and_quantity_can_be_said(tmp_path, small_counts, small_energies):
    path = write_nexus(tmp_path / "a.h5", small_counts.astype(np.uint16), small_energies)
    assert open_stack(path).attrs["quantity"] == "counts"
    assert open_stack(path).signal.dtype == np.uint16
    assert open_stack(path, quantity="intensity").attrs["quantity"] == "intensity"


def test_suffix_does_not_matter(tmp_path, small_counts, small_energies):
    path = write_nexus(tmp_path / "scan.data", small_counts, small_energies)
    np.testing.assert_array_equal(open_stack(path).signal.values, small_counts)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (0, 2, 1), (2, 1, 0)])
def test_axis_order_from_names(tmp_path, small_counts, small_energies, order):
    names = [("energy", "y", "x")[place] for place in order]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_group("data")
        data.attrs.update({"NX_class": "NXdata", "signal": "counts", "axes": names})
        data["counts"] = small_counts.transpose(order)
        data["energy"] = small_energies
        data["y"] = np.arange(5) * 200.0
        data["x"] = np.arange(6) * 100.0
        data["y"].attrs["units"] = data["x"].attrs["units"] = "nm"
    stack = open_stack(tmp_path / "a.h5")
    np.testing.assert_array_equal(stack.signal.values, small_counts)
    np.testing.assert_allclose(stack.x.values, 0.1 * np.arange(6))
    assert stack.x.attrs["units"] == "um"


def test_legacy_attributes(tmp_path, small_counts, small_energies):
    with h5py.File(tmp_path / "old.nx5", "w") as file:
        data = file.create_group("entry1/data")
        data["counts"] = small_counts.transpose(1, 2, 0)
        data["counts"].attrs["signal"] = 1
        for name, place, values in (("e", 3, small_energies), ("v", 1, np.arange(5.0))):
            data[name] = values
            data[name].attrs["axis"] = place
        data["e"].attrs["units"] = "eV"
        data.move("e", "photon_energy")
    stack = open_stack(tmp_path / "old.nx5")
    np.testing.assert_array_equal(stack.signal.values, small_counts)
    assert stack.x.attrs["units"] == "pixel"


def test_axes_in_one_text_and_on_the_signal(tmp_path, small_counts, small_energies):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["d/s"] = small_counts
        file["d/s"].attrs.update({"signal": b"1", "axes": b"energy:y:x"})
        file["d/energy"] = small_energies
    np.testing.assert_array_equal(open_stack(tmp_path / "a.h5").energy.values, small_energies)


@pytest.fixture
def bare(tmp_path, small_counts, small_energies):
    """A file without any NeXus attribute, spectral axis last."""
    with h5py.File(tmp_path / "bare.h5", "w") as file:
        file["exchange/data"] = small_counts.transpose(1, 2, 0)
        file["exchange/data_white"] = small_counts.transpose(1, 2, 0) + 1
        file["exchange/energy"] = small_energies / 1000
        file["exchange/energy"].attrs["units"] = "keV"
        file["exchange/dark"] = np.stack([np.full((5, 6), 3.0), np.full((5, 6), 5.0)])
        file["exchange/flat"] = np.full((2, 5, 6), 350.0)
        file["exchange/i0"] = np.linspace(330, 340, 8)
    return tmp_path / "bare.h5"


def test_paths(bare, small_counts, small_energies):
    with pytest.warns(UserWarning, match="keV"):
        stack = open_stack(
            bare, signal="exchange/data", energy="exchange/energy", dark="exchange/dark",
            flat="exchange/flat", i0="exchange/i0", pixel_um=0.04,
        )  # fmt: skip
    np.testing.assert_array_equal(stack.signal.values, small_counts)
    np.testing.assert_allclose(stack.energy.values, small_energies)
    np.testing.assert_allclose(stack.dark.values, 4.0)
    assert stack.flat.dims == ("flat_frame", "y", "x")
    np.testing.assert_allclose(stack.i0.values, np.linspace(330, 340, 8))
    np.testing.assert_allclose(stack.y.values, 0.04 * np.arange(5))


def test_flat_at_every_energy_becomes_i0(bare, small_counts, small_energies):
    stack = open_stack(
        bare, signal="/exchange/data", energies=small_energies, flat="exchange/data_white"
    )
    np.testing.assert_array_equal(stack.i0.values, small_counts + 1)
    assert stack.i0.dims == ("energy", "y", "x")


def test_the_error_lists_the_datasets(bare):
    with pytest.raises(ReadError) as caught:
        open_stack(bare)
    assert "/exchange/data (5, 6, 8) float32" in caught.value.found
    assert "/exchange/energy (8,)" in caught.value.found
    assert "signal=" in caught.value.fix


def test_the_error_suggests_the_evident_paths(tmp_path, small_counts, small_energies):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["scan/cube"], file["scan/energies"] = small_counts, small_energies
    with pytest.raises(ReadError) as caught:
        open_stack(tmp_path / "a.h5")
    assert caught.value.fix == "try signal='/scan/cube', energy='/scan/energies'"


def test_several_stacks_are_not_guessed(tmp_path, small_counts, small_energies):
    path = write_nexus(tmp_path / "a.h5", small_counts, small_energies)
    with h5py.File(path, "a") as file:
        del file["entry"].attrs["default"]
        file.copy("entry/counter0", file["entry"], name="counter1")
        file["entry/counter1/data"][...] += 1
    with pytest.raises(ReadError, match="several stacks"):
        open_stack(path)
    stack = open_stack(path, signal="entry/counter1")
    np.testing.assert_array_equal(stack.signal.values, small_counts + 1)


def test_ambiguous_spectral_axis(tmp_path):
    rng = np.random.default_rng(0)
    cube = rng.poisson(300, (6, 6, 8)).astype(float)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["cube"], file["e"] = cube, 700 + np.arange(6.0)
    options = {"signal": "cube", "energy": "e"}
    with pytest.raises(DataError, match="not clear") as caught:
        open_stack(tmp_path / "a.h5", **options)
    assert "axis=0 or axis=1" in caught.value.fix
    stack = open_stack(tmp_path / "a.h5", axis=1, **options)
    np.testing.assert_array_equal(stack.signal.values, cube.transpose(1, 0, 2))


def test_dimensions_of_one_are_dropped(tmp_path, small_counts, small_energies):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["cube"], file["e"] = small_counts[None], small_energies
    stack = open_stack(tmp_path / "a.h5", signal="cube", energy="e")
    np.testing.assert_array_equal(stack.signal.values, small_counts)


def test_other_spectral_axis(tmp_path, small_counts):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_group("d")
        data.attrs.update({"NX_class": "NXdata", "signal": "s"})
        data.attrs["axes"] = ["raman_shift", "y", "x"]
        data["s"], data["raman_shift"] = small_counts, 400 + np.arange(8.0)
    assert open_stack(tmp_path / "a.h5").signal.dims == ("raman_shift", "y", "x")


def test_units_that_are_no_energy(tmp_path, small_counts, small_energies):
    path = write_nexus(tmp_path / "a.h5", small_counts, small_energies, units="s")
    with pytest.raises(UnitError, match="'s'"):
        open_stack(path)


def test_lazy_equals_eager_and_leaves_the_file_free(tmp_path, small_counts, small_energies):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("cube", data=small_counts.transpose(1, 2, 0), chunks=(5, 3, 2))
        file["e"] = small_energies
    options = {"signal": "cube", "energy": "e"}
    lazy, eager = open_stack(path, lazy=True, **options), open_stack(path, **options)
    assert lazy.signal.chunks is not None
    np.testing.assert_array_equal(lazy.signal.values, eager.signal.values)
    with h5py.File(path, "a") as file:
        file["more"] = 1
    np.testing.assert_array_equal(lazy.signal[2, 1:3, ::2].values, small_counts[2, 1:3, ::2])


def test_damaged_chunk(tmp_path, small_counts, small_energies):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        cube = file.create_dataset("cube", data=small_counts, chunks=(8, 5, 6), compression="gzip")
        file["e"] = small_energies
        chunk = cube.id.get_chunk_info(0)
    raw = bytearray(path.read_bytes())
    raw[chunk.byte_offset + 20 : chunk.byte_offset + 120] = bytes(100)
    path.write_bytes(raw)
    with pytest.raises(ReadError, match="damaged") as caught:
        open_stack(path, signal="cube", energy="e")
    assert caught.value.fix


def test_missing_paths(tmp_path, small_counts, small_energies):
    path = write_nexus(tmp_path / "a.h5", small_counts, small_energies)
    for options, message in [
        ({"signal": "nothing"}, "there is no 'nothing'"),
        ({"signal": "entry"}, "names no signal"),
        ({"energy": "nothing"}, "energy='nothing' is no dataset"),
        ({"i0": "nothing"}, "i0='nothing' is no dataset"),
    ]:
        with pytest.raises(ReadError, match=message) as caught:
            open_stack(path, **options)
        assert "/entry/counter0/data (8, 5, 6)" in caught.value.found
    with pytest.raises(DataError, match="i0 does not fit"):
        open_stack(path, i0=np.ones(3))
    with pytest.raises(DataError, match="dark does not fit"):
        open_stack(path, dark="entry/counter0/energy")
    with pytest.raises(DataError, match="axis does not name"):
        open_stack(path, axis=5)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (4, 26, 100)),
        ({"chunks": (1, 100, 100)}, (4, 26, 100)),
        ({"chunks": (1, 100, 100), "compression": "gzip"}, (1, 100, 100)),
        ({"chunks": (10, 16, 100)}, (10, 10, 100)),
        ({"chunks": (10, 50, 100), "compression": "gzip"}, (10, 50, 100)),
        ({"chunks": (1, 10, 10), "fletcher32": True}, None),
    ],
)
def test_pieces_of_a_lazy_stack(tmp_path, monkeypatch, rng, options, expected):
    """Small ones; whole chunks where they are compressed, few rows of four frames elsewhere."""
    from socwidgets.io import hdf5_source

    monkeypatch.setattr(hdf5_source, "PIECE_BYTES", 21_000)
    path, counts = tmp_path / "a.h5", rng.integers(1, 900, (40, 100, 100)).astype("u2")
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=counts, **options)
    stack = open_stack(path, signal="data", energies=np.arange(700.0, 740), lazy=True)
    if expected is None:
        assert np.prod(stack.signal.data.chunksize) * 2 <= 21_000
    else:
        assert stack.signal.data.chunksize == expected
    np.testing.assert_array_equal(stack.signal.values, counts)


@pytest.mark.parametrize("options", [{}, {"chunks": (1, 30, 40), "compression": "gzip"}])
def test_a_lazy_file_that_is_damaged_or_gone_is_named(tmp_path, rng, options):
    path, counts = tmp_path / "a.h5", rng.integers(1, 900, (12, 30, 40)).astype("u2")
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=counts, **options)
    stack = open_stack(path, signal="data", energies=np.arange(700.0, 712), lazy=True)
    with open(path, "r+b") as raw:
        raw.truncate(path.stat().st_size // 2)
    with pytest.raises(ReadError, match=r"a\.h5 is damaged or truncated"):
        stack.signal.compute()
    path.unlink()
    with pytest.raises(ReadError, match=r"a\.h5"):
        stack.signal.compute()
