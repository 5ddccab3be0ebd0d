"""The mean of the map against the charge passed, and what a calibration says against itself."""

import dataclasses

import pytest

from socwidgets.model.errors import ParameterError
from socwidgets.reports.parameter_classes import CompareReport, QualityReport, SeriesReport
from socwidgets.reports.parameters import SocMapReport
from socwidgets.reports.quality import check_quality, null_test
from socwidgets.reports.scan import conclude, map_scan

SMALL = "phantom:concurrent:size_px 64,n_particles 5,time 0.5"


@pytest.fixture(scope="module")
def scan():
    return map_scan(SocMapReport(stack=SMALL, draws=100))


def concluded(scan, **changes):
    params = scan.params.replace(**changes)
    return conclude(dataclasses.replace(scan, params=params), "soc_map", {}, "")


def test_a_charge_that_fits_is_a_number_and_no_warning(scan):
    mean = scan.card["mean"].value
    results = concluded(scan, charge_soc=round(mean, 3), charge_soc_std=0.01)
    number = results.numbers["mass_balance"]
    assert number.value == pytest.approx(0.0, abs=6e-4)
    assert number.std > 0.01  # the sample's own uncertainty comes on top
    assert results.numbers["charge_soc"].std == 0.01
    assert not any("Mass balance" in text for text in results.warnings)


def test_a_charge_that_does_not_fit_is_the_first_warning(scan):
    mean = scan.card["mean"].value
    results = concluded(scan, charge_soc=mean + 0.4)
    assert results.numbers["mass_balance"].value == pytest.approx(-0.4, abs=1e-6)
    assert results.warnings[0].startswith("Mass balance broken")


def test_the_file_may_state_the_charge_and_the_parameter_wins(scan):
    stack = scan.inputs.stack.assign_attrs(charge_soc="0.31", charge_soc_std=0.02)
    stated = dataclasses.replace(scan, inputs=dataclasses.replace(scan.inputs, stack=stack))
    number = concluded(stated).numbers["charge_soc"]
    assert (number.value, number.std) == (0.31, 0.02)
    assert concluded(stated, charge_soc=0.4).numbers["charge_soc"].value == 0.4
    nonsense = stack.assign_attrs(charge_soc="about half")
    stated = dataclasses.replace(scan, inputs=dataclasses.replace(scan.inputs, stack=nonsense))
    assert "charge_soc" not in concluded(stated).numbers


def test_a_fraction_has_no_mass_balance(scan):
    maps = scan.maps.assign(soc=scan.maps["soc"].assign_attrs(kind="fraction"))
    found = concluded(dataclasses.replace(scan, maps=maps), charge_soc=0.5)
    assert "mass_balance" not in found.numbers


def test_the_quality_report_asks_for_the_balance_only_if_a_charge_is_known(scan):
    params, noise = QualityReport(stack=SMALL), null_test(scan)
    assert "mass balance" not in [c.name for c in check_quality(scan, noise, None, params)]
    wrong = dataclasses.replace(scan, params=scan.params.replace(charge_soc=0.95))
    (check,) = [c for c in check_quality(wrong, noise, None, params) if c.name == "mass balance"]
    assert check.passed is False


@pytest.mark.parametrize("kind", [SeriesReport, CompareReport])
def test_one_charge_cannot_be_that_of_several_stacks(kind):
    with pytest.raises(ParameterError, match="several stacks"):
        kind(charge_soc=0.5)


def test_doubts_about_the_calibration_are_among_the_warnings(scan):
    doubts = {"calibration_doubts": ["made on another grid"], "caveats": ["no energy is a charge"]}
    said = concluded(dataclasses.replace(scan, maps=scan.maps.assign_attrs(doubts))).warnings
    assert "made on another grid" in said
    assert "no energy is a charge" in said
