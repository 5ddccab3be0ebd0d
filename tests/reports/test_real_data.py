"""The real stack: what an independent NNLS finds, within the stated uncertainties."""

import pytest

from socwidgets.reports import run_report

#: Thickness-weighted mean Fe(III) fraction of an independent NNLS (edge jump > 0.04, R < 5 %).
INDEPENDENT = 0.27


@pytest.mark.realdata
def test_fe3_fraction_of_the_als_stack(shared_data, tmp_path):
    folder = shared_data / "als_stxm_fe"
    parameters = {
        "stack": folder / "71214098.hdr",
        "references": f"Fe(II)={folder / 'reduced.t'},Fe(III)={folder / 'oxidized.t'}",
        "charged": "Fe(III)",
        "quantity_name": "Fe(III) fraction",
        "min_jump": 0.04,
        "r_max": 0.05,
        "bundle": False,
    }
    done = run_report("soc_map", parameters, tmp_path / "out", to="html,json")
    numbers = done.results["numbers"]
    mean, energy = numbers["mean_all_pixels"], numbers["mean_energy_std"]["value"]
    total = (mean["std"] ** 2 + energy**2) ** 0.5
    assert 0.01 < mean["std"] < 0.05
    assert abs(mean["value"] - INDEPENDENT) < 2 * total
    # The references are from another scan: their energy scale is off by more than the 0.05 eV of
    # a good calibration, and the page must say so.
    assert numbers["best_energy_shift"]["value"] == pytest.approx(-0.18, abs=0.05)
    assert any("shifted by" in text for text in done.results["warnings"])
    # The I0 is on another scale than the images (constant offset); it must be found and said.
    assert numbers["i0_offset"]["value"] == pytest.approx(0.83, abs=0.05)
    assert any("I0 is on another scale" in text for text in done.results["warnings"])
    assert numbers["r_factor"]["value"] > 0.01  # after the background: not trivially small
    page = done.paths["html"].read_text(encoding="utf-8")
    assert "only Fe(II)" in page or "Fe(III) fraction" in page
    assert "State of charge" not in page.split("<details>")[0]
