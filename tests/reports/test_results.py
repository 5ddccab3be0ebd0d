import json

import numpy as np
import pytest

from socwidgets.model.errors import ReportError
from socwidgets.reports.results import (
    Number,
    Results,
    read_results,
    validate_results,
    write_results,
)
from socwidgets.reports.words import interval, parameter_text, with_uncertainty


@pytest.fixture
def results():
    numbers = {
        "mean": Number(0.5, "Mean", std=0.01, low=0.48, high=0.52, method="resampling"),
        "none": Number(float("nan"), "Not there", "um"),
    }
    return Results("soc_map", "T", {"pre": (700.0, 705.0), "flat": None}, numbers)


def test_round_trip_with_null_for_what_is_not_there(results, tmp_path):
    write_results(results, tmp_path / "results.json")
    values = read_results(tmp_path / "results.json")
    assert values["numbers"]["mean"]["std"] == 0.01
    assert values["numbers"]["none"]["value"] is None
    assert values["parameters"] == {"pre": [700.0, 705.0], "flat": None}
    assert "NaN" not in (tmp_path / "results.json").read_text()
    assert {"socwidgets", "numpy", "numba"} <= set(values["software"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.pop("numbers"), "numbers is missing"),
        (lambda v: v.update(schema="other/1"), "schema is 'other/1'"),
        (lambda v: v.update(warnings="text"), "warnings is no list"),
        (lambda v: v["numbers"]["mean"].pop("unit"), "exactly the keys"),
        (lambda v: v["numbers"]["mean"].update(value="0.5"), "mean.value is no number"),
        (lambda v: v["numbers"]["mean"].update(low=0.9), "low is above high"),
        (lambda v: v["numbers"]["mean"].update(std=-1), "std is negative"),
        (lambda v: v["numbers"]["mean"].update(label=None), "label is no text"),
    ],
)
def test_wrong_results_are_refused(results, change, said):
    values = results.to_dict()
    validate_results(values)
    change(values)
    with pytest.raises(ReportError, match=said):
        validate_results(values)


@pytest.mark.parametrize("text", ["", "[1]", "{broken", json.dumps({"schema": 1})])
def test_files_that_are_no_results(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(ReportError):
        read_results(path)
    with pytest.raises(ReportError, match="cannot read"):
        read_results(tmp_path / "absent.json")


def test_values_carry_as_many_digits_as_their_uncertainty():
    assert with_uncertainty(0.51234, 0.0134) == "0.512 ± 0.013"
    assert with_uncertainty(123.456, 2.5, "eV") == "123.5 ± 2.5 eV"
    assert with_uncertainty(0.461, np.nan, "um") == "0.461 µm"
    assert with_uncertainty(25.0) == "25"
    assert with_uncertainty(np.nan) == "not available"
    assert interval(0.33449, 0.6718) == "0.334 to 0.672"
    assert interval(np.nan, 1.0) == ""


def test_parameters_are_written_as_the_command_line_takes_them():
    assert parameter_text((700.0, 705.5)) == "700,705.5"
    assert [parameter_text(v) for v in (None, True, 0.04, "x y", 3)] == [
        "",
        "true",
        "0.04",
        "x y",
        "3",
    ]
