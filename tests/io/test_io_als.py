from __future__ import annotations

import numpy as np
import pytest
from io_factories import write_als, write_columns

from socwidgets.io import open_mask, open_stack
from socwidgets.io.als_header import parse_header
from socwidgets.model.errors import DataError, ReadError
from socwidgets.model.provenance import steps
from socwidgets.model.stack import pixel_size_um, validate_stack


def test_round_trip(tmp_path, small_counts, small_energies):
    i0 = np.linspace(330, 340, 8)
    header = write_als(tmp_path, small_counts, small_energies, i0=i0, direction=-1)
    stack = open_stack(header)
    validate_stack(stack)
    np.testing.assert_array_equal(stack.signal.values, small_counts)
    np.testing.assert_allclose(stack.energy.values, small_energies)
    # Rows follow QAxis as listed, whatever the direction of travel was.
    np.testing.assert_allclose(stack.y.values, 1 + 0.2 * np.arange(5))
    np.testing.assert_allclose(stack.x.values, 10 + 0.1 * np.arange(6))
    np.testing.assert_allclose(stack.i0.values, i0, rtol=1e-6)
    np.testing.assert_allclose(stack.ring_current.values, 500 - np.arange(8))
    np.testing.assert_allclose(stack.elapsed.values, 60 * np.arange(8))
    assert stack.attrs["dwell_ms"] == 0.5
    assert stack.attrs["counter_divider"] == 10
    assert stack.attrs["start_time"] == "2007-12-14T21:40:13"
    assert stack.attrs["y_direction"] == -1
    assert stack.attrs["checked_frames"] == "all 8"
    assert steps(stack)[0]["function"] == "socwidgets.io.open_stack"
    assert steps(stack)[0]["parameters"]["format"] == "ALS STXM"


@pytest.mark.parametrize("name", ["", "9.hdr", "9_a003.xim"])
def test_folder_header_or_frame_open_the_same(tmp_path, small_counts, small_energies, name):
    write_als(tmp_path, small_counts, small_energies)
    stack = open_stack(tmp_path / name)
    np.testing.assert_array_equal(stack.signal.values, small_counts)
    assert "i0" not in stack


def test_falling_energies_are_sorted_with_everything_that_belongs_to_them(
    tmp_path, small_counts, small_energies
):
    i0 = np.linspace(330, 340, 8)
    stack = open_stack(write_als(tmp_path, small_counts, small_energies[::-1], i0=i0))
    np.testing.assert_allclose(stack.energy.values, small_energies)
    np.testing.assert_array_equal(stack.signal.values, small_counts[::-1])
    np.testing.assert_allclose(stack.i0.values, i0[::-1], rtol=1e-6)
    np.testing.assert_allclose(stack.ring_current.values, (500 - np.arange(8))[::-1])


def test_kev_is_converted_and_reported(tmp_path, small_counts):
    kev = 7.1 + 0.01 * np.arange(8)
    with pytest.warns(UserWarning, match="keV"):
        stack = open_stack(write_als(tmp_path, small_counts, kev, unit="keV"))
    np.testing.assert_allclose(stack.energy.values, 1000 * kev)
    assert "keV" in stack.attrs["energy_conversion"]


def test_i0_option(tmp_path, small_counts, small_energies):
    header = write_als(tmp_path, small_counts, small_energies, i0=np.full(8, 330.0))
    assert "i0" not in open_stack(header, i0=False)
    np.testing.assert_allclose(open_stack(header, i0=np.arange(1, 9.0)).i0, np.arange(1, 9))
    other = write_columns(tmp_path / "other.xsp", small_energies, np.full(8, 7.0))
    np.testing.assert_allclose(open_stack(header, i0=other).i0, 7.0)


def test_stopped_scan(tmp_path, small_counts, small_energies):
    header = write_als(tmp_path, small_counts, small_energies)
    for index in (6, 7):
        (tmp_path / f"9_a{index:03d}.xim").unlink()
    stack = open_stack(header, allow_missing=True)
    np.testing.assert_array_equal(stack.signal.values, small_counts[:6])
    np.testing.assert_allclose(stack.energy.values, small_energies[:6])
    np.testing.assert_allclose(stack.ring_current.values, 500 - np.arange(6))


def test_header_grammar():
    text = 'A = { B = (2, 1.5, -2e3); C = "x; = {y}"; D = true;}; E = Io w; F = {};;'
    assert parse_header(text) == {
        "A": {"B": [1.5, -2000.0], "C": "x; = {y}", "D": True},
        "E": "Io w",
        "F": {},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A = { B = 1; ", "not a complete"),
        ("A = (3, 1, 2);", "not complete"),
        ("A = (2, 1", "not a complete"),
        ("} = 4", "not a complete"),
        ("A ; B = 1", "not a complete"),
        ("", "not a complete"),
    ],
)
def test_broken_header(text, message):
    with pytest.raises(ReadError, match=message) as caught:
        parse_header(text, "x.hdr")
    assert caught.value.fix


def test_mask(tmp_path, small_counts, small_energies):
    stack = open_stack(write_als(tmp_path, small_counts, small_energies))
    rows = ["OOOOOO", "OO  OO", "      ", "OOOOO ", "OOOOOO"]
    (tmp_path / "a.msk").write_text("\n".join(rows) + "\n")
    expected = np.array([[letter == "O" for letter in row] for row in rows])
    mask = open_mask(tmp_path / "a.msk", stack)
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask.values, expected)
    assert "valid" not in stack
    masked = open_stack(tmp_path / "9.hdr", mask=tmp_path / "a.msk")
    np.testing.assert_array_equal(masked.valid.values, expected)
    np.save(tmp_path / "a.npy", expected.astype(np.uint8))
    np.testing.assert_array_equal(open_mask(tmp_path / "a.npy", stack).values, expected)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("OOOOOO\n" * 4, DataError, "does not fit"),
        ("OOOOOO\n" * 4 + "OOOO\n", ReadError, "no mask"),
        ("OOXOOO\n" * 5, ReadError, "no mask"),
        ("", ReadError, "no mask"),
    ],
)
def test_bad_mask(tmp_path, small_stack, text, error, message):
    (tmp_path / "a.msk").write_text(text)
    with pytest.raises(error, match=message) as caught:
        open_mask(tmp_path / "a.msk", small_stack)
    assert caught.value.expected
    assert caught.value.found


@pytest.mark.realdata
def test_real_stack(shared_data):
    folder = shared_data / "als_stxm_fe"
    stack = open_stack(folder / "71214098.hdr", mask=folder / "remove thick part.msk")
    assert dict(stack.signal.sizes) == {"energy": 123, "y": 150, "x": 150}
    assert stack.energy.values[0] == 700
    assert stack.energy.values[-1] == pytest.approx(730.353)
    assert pixel_size_um(stack) == pytest.approx((0.08, 0.08))
    assert float(stack.signal.min()) == pytest.approx(25.22)
    assert float(stack.signal.max()) == pytest.approx(343.6604)
    assert stack.i0.sizes == {"energy": 123}
    assert float(stack.i0[0]) == pytest.approx(691.58118)
    assert float(stack.ring_current[-1]) == 235.08
    assert stack.attrs["dwell_ms"] == 0.444
    # The blanks of the mask lie on the thick part: there the light is weakest.
    valid = stack.valid
    assert int((~valid).sum()) == 2405
    assert float(stack.signal.where(valid).mean()) > 1.8 * float(stack.signal.where(~valid).mean())
    # 0.7 s on an idle machine; the rest is for busy ones.


@pytest.mark.realdata
def test_real_stack_lazily(shared_data):
    header = shared_data / "als_stxm_fe" / "71214098.hdr"
    lazy = open_stack(header, lazy=True)
    assert lazy.signal.chunks is not None
    assert lazy.attrs["checked_frames"] == "a sample of 8 of 123"
    some = [0, 60, 122]
    whole = open_stack(header)
    np.testing.assert_array_equal(
        lazy.signal.isel(energy=some).values, whole.signal.isel(energy=some).values
    )
