"""Flats in files, stray light and a pixel size, and what comes of them in reports and maps."""

from __future__ import annotations

import numpy as np
import pytest
import small_stack
import tifffile
from io_factories import write_tiff
from workflow_steps import K_EDGE, OFFSET, done_by_program, edge, run, same

import socwidgets as soc
from socwidgets.io import save_bundle
from socwidgets.jobs import JobRunner
from socwidgets.model.errors import ParameterError, ReadError
from socwidgets.model.stack import make_stack
from socwidgets.session.workflow import Workflow, report_inputs


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Counts with uneven light that decays, flats before and after and a dark, each in a file."""
    folder = tmp_path_factory.mktemp("counts")
    rng = np.random.default_rng(8)
    light = 4000.0 * (1.0 + 0.3 * np.linspace(-1, 1, 32))[None, None, :] * np.ones((26, 24, 1))
    od = small_stack.stack()["signal"].values
    fade = np.linspace(1.0, 0.8, 26)[:, None, None]
    dark = 100.0
    options = {"quantity": "counts", "pixel_um": small_stack.PIXEL_UM}
    for name, values in {
        "scan": light * fade * np.exp(-od) + dark,
        "flat": light + dark,
        "flat_after": 0.8 * light + dark,
        "dark": np.full((26, 24, 32), dark) + rng.normal(0, 1e-3, (26, 24, 32)),
    }.items():
        made = make_stack(values.astype(np.float32), small_stack.ENERGIES, **options)
        save_bundle(folder / f"{name}.nc", stack=made)
    return folder, od


def test_flats_before_and_after_and_dark_come_from_files(flow, counted):
    folder, truth = counted
    run(flow, "open", {}, {"path": str(folder / "scan.nc")})
    params = {name: str(folder / f"{name}.nc") for name in ("flat", "flat_after", "dark")}
    made = run(flow, "optical_density", {"i0": "<files>"}, params)
    # Flats at every energy are halfway between both: the light fades by 20 % along the scan.
    bare = np.log(0.9 / np.linspace(1.0, 0.8, 26))[:, None, None]
    np.testing.assert_allclose(made["signal"], truth + bare, atol=2e-3)
    same(made, done_by_program(flow, "optical_density", {"i0": "<files>"}, params))
    only = {"flat": params["flat"]}
    text = flow.program("optical_density", {"i0": "<files>"}, only)
    assert "flat=flat" in text
    assert "dark=" not in text
    with pytest.raises(ParameterError, match="no file is chosen"):
        flow.start("optical_density", {"i0": "<files>"}, {})
    job = flow.start("optical_density", {"i0": "<files>"}, {"flat": str(folder / "no.nc")})
    assert isinstance(job.error, ReadError)
    assert flow.products["optical_density"] is made


def test_stray_light_is_taken_out_with_its_noise(flow, counted):
    _, truth = counted
    share = 0.02
    stack = make_stack(
        (4000.0 * (np.exp(-2.0 * truth) + share) / (1 + share)).astype(np.float32),
        small_stack.ENERGIES, quantity="counts", pixel_um=small_stack.PIXEL_UM,
    )  # fmt: skip
    stack["flat"] = (("y", "x"), np.full((24, 32), 4000.0, np.float32))
    flow.take(stack)
    params = {"noise": "poisson", "stray_light": share}
    made = run(flow, "optical_density", {}, params)
    np.testing.assert_allclose(made["signal"], 2.0 * truth, atol=2e-3)
    again = done_by_program(flow, "optical_density", {}, params, stack=stack)
    same(made, again)
    plain = run(flow, "optical_density", {}, {"noise": "poisson"})
    assert (made["signal_std"] > plain["signal_std"])[:, 5:, 5:].mean() > 0.9
    assert "without_stray_light" not in flow.program("optical_density", {}, {"noise": "poisson"})
    with pytest.raises(ParameterError, match="stray_light"):
        flow.start("optical_density", {}, {"stray_light": 1.5})


def test_stray_light_can_be_taken_out_of_optical_density(flow):
    stack = small_stack.stack()
    flow.take(stack)
    step = flow.step("optical_density")
    assert step.problem(flow) == ""
    assert "already" in step.hint(flow)
    with pytest.raises(ParameterError, match="optical density already"):
        flow.start("optical_density")
    made = run(flow, "optical_density", {}, {"stray_light": 0.05})
    same(made, done_by_program(flow, "optical_density", {}, {"stray_light": 0.05}, stack=stack))
    strong = stack["signal"].values > 0.5
    assert (made["signal"].values > stack["signal"].values)[strong].all()
    flow.take_back("optical_density")
    assert flow.session.state.stack is flow.products["open"]


def test_a_report_gets_what_it_cannot_do_itself(flow, nickel, tmp_path):
    known = ["stack", "references", "flat", "dark"]
    run(flow, "open", {}, {"path": str(nickel / "scan.nc")})
    files = f"{nickel}/Ni2.txt,{nickel}/Ni3.txt"
    run(flow, "references", {}, {"files": files})
    found = report_inputs.screen_parameters(flow, known)
    assert found["stack"] == str(nickel / "scan.nc")
    assert "Ni2.txt" in found["references"]
    run(flow, "energy_axis", {"by": "offset"}, {"offset_ev": OFFSET})
    run(flow, "references", {}, {"files": files, "interpolation": "linear"})
    assert report_inputs.screen_parameters(flow, known) == {}
    saved = report_inputs.save_inputs(flow, tmp_path / "input", {})
    assert set(saved) == {"stack", "references"}
    back = Workflow(JobRunner(inline=True))
    made = run(back, "open", {}, {"path": saved["stack"]})
    np.testing.assert_allclose(made.energy, K_EDGE + OFFSET)
    spectra = run(back, "references", {}, {"files": saved["references"]})
    assert spectra.attrs["interpolation"] == "linear"
    back.close()


def test_a_file_without_a_pixel_size_says_so(flow, tmp_path):
    counts = np.random.default_rng(1).poisson(900, (6, 8, 9)).astype(np.uint16)
    write_tiff(tmp_path / "scan.tif", counts, np.linspace(700.0, 720.0, 6))
    path = {"path": str(tmp_path / "scan.tif")}
    (note,) = flow.step("open").notes(run(flow, "open", {}, path))
    assert "pixel_um" in note
    known = run(flow, "open", {}, {**path, "options": "pixel_um=0.04"})
    assert flow.step("open").notes(known) == []


def test_the_raw_frames_of_a_beam_time_become_a_calibrated_map(flow, tmp_path):
    """Counts, flats, dark, foil and references as files, all 1.3 eV low; pulls against truth."""
    phantom = soc.phantoms.make_phantom("random_nmc", seed=1, size_px=72, pixel_um=0.14)
    raw = soc.phantoms.simulate(phantom, seed=2, n0=4000)
    low = raw.energy.values - 1.3
    scan, flat = (np.rint(v).astype(np.uint16) for v in (raw.signal, raw.flat.mean("flat_frame")))
    write_tiff(tmp_path / "scan.tif", scan, low)
    write_tiff(tmp_path / "flat.tif", flat, low)
    dark = np.rint(raw.dark.values).astype(np.uint16)
    tifffile.imwrite(tmp_path / "dark.tif", np.stack([dark, dark]), photometric="minisblack")
    fine = np.arange(8280.0, 8420.0, 0.5)
    np.savetxt(tmp_path / "foil.txt", np.c_[fine, edge(fine, 8333.0 - 1.3)])
    names = []
    for spectrum in phantom.references:
        name = str(spectrum["component"].values)
        np.savetxt(tmp_path / f"{name}.txt", np.c_[spectrum.energy - 1.3, spectrum])
        names.append(f"{name}={tmp_path}/{name}.txt")
    foil = {"foil": f"{tmp_path}/foil.txt", "element": "Ni"}
    run(flow, "open", {}, {"path": f"{tmp_path}/scan.tif", "options": "pixel_um=0.14"})
    run(flow, "references", {}, {"files": ",".join(names), **foil})
    beam = {"flat": f"{tmp_path}/flat.tif", "dark": f"{tmp_path}/dark.tif", "noise": "poisson"}
    run(flow, "optical_density", {"i0": "<files>"}, beam)
    shifted = run(flow, "energy_axis", {"by": "foil"}, foil)
    assert shifted.attrs["energy_offset_applied"] == pytest.approx(1.3, abs=0.03)
    run(flow, "registration")
    run(flow, "pixels")
    run(flow, "method", {"method": "lcf"}, {"constraint": "none"})
    maps = run(flow, "calibration")
    pulls = ((maps["soc"] - phantom.truth.soc) / maps["soc_std"]).values
    pulls = pulls[np.isfinite(pulls)]
    assert pulls.size > 1500
    assert abs(pulls.mean()) < 0.1
    assert 0.85 < pulls.std() < 1.1
