"""Schemas, units, parameters, provenance: what is coerced, what is refused, in what words."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

from socwidgets.model import provenance
from socwidgets.model.errors import (
    DataError,
    KindError,
    ParameterError,
    ReferenceSpectraError,
    SchemaError,
    UnitError,
)
from socwidgets.model.kinds import end_words, require_kind
from socwidgets.model.mapset import display_maps, validate_maps
from socwidgets.model.names import axis_label, spectral_dim
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.references import align_references, make_references
from socwidgets.model.stack import make_stack, parse_stack, pixel_size_um
from socwidgets.model.status import status_counts
from socwidgets.model.units import factor

CUBE = np.ones((3, 4, 5))


def test_kev_is_recognized_and_reported():
    with pytest.warns(UserWarning, match="converted to eV"):
        stack = make_stack(CUBE, np.array([8.33, 8.34, 8.35]))
    np.testing.assert_allclose(stack.energy, [8330, 8340, 8350])
    assert stack.energy.attrs["units"] == "eV"
    assert "converted" in stack.attrs["energy_conversion"]


def test_stated_units_win():
    with pytest.warns(UserWarning, match="as stated"):
        stack = make_stack(CUBE, np.array([108.0, 109.0, 110.0]), units="keV")
    assert stack.energy[0] == 108_000
    with pytest.raises(UnitError, match="cannot convert 's'"):
        make_stack(CUBE, np.array([700.0, 701, 702]), units="s")
    assert factor("nm", "um") == 1e-3


def test_a_falling_axis_is_turned_and_a_crooked_one_refused():
    falling = make_stack(np.arange(60.0).reshape(3, 4, 5), np.array([702.0, 701.0, 700.0]))
    assert list(falling.energy) == [700, 701, 702]
    assert falling.signal[0, 0, 0] == 40
    with pytest.raises(SchemaError, match="not monotonic: 702 is followed by 701"):
        make_stack(CUBE, np.array([700.0, 702, 701]))
    with pytest.raises(SchemaError, match="duplicate values, first at 701"):
        make_stack(CUBE, np.array([700.0, 701, 701]))
    with pytest.raises(SchemaError, match="not finite"):
        make_stack(CUBE, np.array([700.0, np.nan, 701]))


def test_an_axis_read_as_a_column_is_an_axis():
    column = np.array([[700.0], [701], [702]])
    assert list(make_stack(CUBE, column).energy) == [700, 701, 702]


def test_what_the_errors_of_an_axis_advise_works():
    repeated = np.array([700.0, 701, 701, 700.5])
    cube = np.arange(16.0).reshape(4, 2, 2)
    with pytest.raises(SchemaError, match=r"values, first = np.unique\(energy, return_index=True"):
        make_stack(cube, repeated)
    values, first = np.unique(repeated, return_index=True)
    assert list(make_stack(cube[first], values).signal[:, 0, 0]) == [0, 12, 4]
    named = xr.Dataset({"signal": (("E", "y", "x"), cube)}, {"E": repeated})
    with pytest.raises(SchemaError, match=r"\.rename\(\{'E': 'energy'\}\)"):
        parse_stack(named)
    renamed = named.rename({"E": "energy"})
    with pytest.raises(SchemaError, match=r"drop_duplicates\('energy'\)\.sortby\('energy'\)"):
        parse_stack(renamed)
    sorted_one = parse_stack(renamed.drop_duplicates("energy").sortby("energy"))
    assert list(sorted_one.energy) == [700, 700.5, 701]


def test_wrong_shapes_and_names_are_listed():
    with pytest.raises(SchemaError, match="has 2 dimensions"):
        make_stack(np.ones((3, 4)), np.arange(700.0, 703))
    with pytest.raises(SchemaError, match="no 'signal' among"):
        parse_stack(xr.Dataset({"counts": ("x", [1.0])}))
    with pytest.raises(SchemaError, match="0 are spectral"):
        spectral_dim(xr.DataArray(np.ones((2, 2)), dims=("y", "x")))
    with pytest.raises(SchemaError, match="unknown"):
        make_stack(CUBE, np.arange(700.0, 703), quantity="brightness")


def test_a_variable_named_like_its_dimension_is_refused():
    stack = make_stack(CUBE, np.arange(700.0, 703))
    stack["flat"] = (("flat", "y", "x"), np.ones((2, 4, 5)))
    with pytest.raises(SchemaError, match="name of one of its own dimensions"):
        parse_stack(stack)


def test_pixel_sizes_and_labels():
    stack = make_stack(CUBE, np.arange(700.0, 703), pixel_um=(0.05, 0.04))
    assert pixel_size_um(stack) == pytest.approx((0.05, 0.04))
    assert axis_label(stack.energy) == "Photon energy (eV)"
    assert axis_label(stack.x) == "Horizontal position (µm)"


def test_maps_are_validated_and_ordered():
    image = ("y", "x"), np.zeros((2, 2))
    maps = xr.Dataset({"status": (("y", "x"), np.zeros((2, 2), np.uint8)), "soc_std": image})
    maps["soc"] = (*image, {"kind": "soc"})
    maps["redchi"] = image
    validate_maps(maps)
    assert display_maps(maps) == ["soc", "soc_std", "redchi", "status"]
    assert status_counts(maps.status) == {"ok": 4}
    with pytest.raises(SchemaError, match="without its map"):
        validate_maps(maps.drop_vars("soc"))
    with pytest.raises(DataError, match="references="):
        validate_maps(maps.soc)
    assert end_words(maps.soc) == ("Li-rich / discharged", "Li-poor / charged")
    with pytest.raises(KindError, match="makes no sense"):
        require_kind(maps.soc, ("energy",), "an edge shift")


def test_references_on_their_own_grids():
    a, b = np.linspace(700, 720, 41), np.linspace(702, 722, 81)
    references = make_references({"a": (a, np.sin(a)), "b": (b[::-1], np.cos(b)[::-1])})
    grid = references.energy.values
    assert grid[0] == 702
    assert grid[-1] == 720
    np.testing.assert_allclose(references.sel(component="a"), np.sin(grid), atol=5e-3)
    coord = xr.DataArray(np.linspace(703, 719, 9), dims="energy", name="energy")
    coord = coord.assign_coords(energy=coord.values).energy
    assert align_references(references, coord).shape == (2, 9)
    longer = np.append(coord.values, 725.0)
    too_long = xr.DataArray(longer, {"energy": longer}, ("energy",)).energy
    with pytest.raises(ReferenceSpectraError, match="do not cover 1 of the 10 points"):
        align_references(references, too_long)


@pytest.mark.parametrize(
    ("spectra", "words"),
    [
        ({}, "wrong number"),
        ({"a": (np.arange(3.0), np.ones(2))}, "is no spectrum"),
        ({"a": (np.array([1.0, 2, 2]), np.ones(3))}, "not strictly monotonic"),
        ({"a": (np.arange(700.0, 703), np.array([1, np.nan, 1]))}, "not finite"),
        (
            {"a": (np.arange(700.0, 703), np.ones(3)), "b": (np.arange(800.0, 803), np.ones(3))},
            "do not overlap",
        ),
    ],
)
def test_bad_references(spectra, words):
    with pytest.raises(ReferenceSpectraError, match=words):
        make_references(spectra)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example(Parameters):
    """Parameters for the tests."""

    width: float = param(1.0, "Width of the window.", unit="eV", low=0.0, high=5.0)
    degree: int = param(1, "Degree.")
    name: str = param("fast", "Speed.", choices=("fast", "slow"))
    window: tuple[float, float] | None = param(None, "Window.")
    flag: bool = param(False, "Flag.")
    mean_soc: float = param(0.5, "Mean.")
    soc_ends: float = param(0.0, "Ends.")


def test_parameters_take_text_as_a_command_line_gives_it():
    made = Example.from_mapping(
        {"width": "2.5", "degree": "2", "window": "700, 705", "flag": "true", "name": "slow"}
    )
    assert made == Example(width=2.5, degree=2, window=(700.0, 705.0), flag=True, name="slow")
    assert Example.from_mapping({"window": "none"}).window is None
    assert made.replace(degree=3).degree == 3


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"widht": 1}, "did you mean widht -> width"),
        # Looks more like soc_ends than like what was meant.
        ({"soc_mean": 0.5}, "soc_mean -> mean_soc"),
        ({"width": 9}, "0.0 to 5.0 eV"),
        ({"width": "wide"}, "expected: a number"),
        ({"degree": 1.5}, "a whole number"),
        ({"name": "fats"}, "did you mean 'fast'"),
        ({"window": (1, 2, 3)}, "wrong type"),
        ({"flag": "perhaps"}, "true or false"),
        ({"width": float("nan")}, "out of bounds"),
    ],
)
def test_parameters_name_what_is_wrong(values, words):
    with pytest.raises(ParameterError, match=words):
        Example.from_mapping(values)


def test_provenance_grows_and_is_json():
    stack = make_stack(CUBE, np.arange(700.0, 703))
    first = provenance.record(stack.copy(), "a.b", {"flat": stack.signal, "n": np.int64(3)})
    second = provenance.record(stack.copy(), "c.d", Example(), source=first)
    steps = json.loads(second.attrs["provenance"])
    assert [step["function"] for step in steps] == ["a.b", "c.d"]
    assert steps[0]["parameters"]["n"] == 3
    assert steps[1]["parameters"]["window"] is None
    changed = first.copy(deep=True)
    changed.signal[0, 0, 0] = 5
    assert provenance.data_hash(changed) != provenance.data_hash(first)
