"""The workflow without widgets: every step, and the program that does the same."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import small_stack
import xarray as xr
from patience import PATIENCE_S
from scipy.ndimage import gaussian_filter
from workflow_steps import same, through

from socwidgets.analysis.methods import method_names
from socwidgets.jobs import JobState
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.rim import read_verdict
from socwidgets.model.roi import Rectangle
from socwidgets.session.workflow import STEPS, Workflow
from socwidgets.session.workflow.code import call_text, literal
from socwidgets.session.workflow.reading import read_options


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Counts of small_stack behind a flat beam, in a bundle, and its references as text."""
    return small_stack.write_scan(tmp_path_factory.mktemp("workflow"))


def test_the_program_of_the_last_step_gives_every_result_again(flow, files):
    inputs, params = through(flow, files)
    text = flow.program("heterogeneity", inputs, params)
    space: dict = {}
    exec(text, space)
    for step in STEPS:
        if step.name in flow.products:
            same(flow.products[step.name], space[step.makes])


def test_the_program_of_a_step_holds_only_what_it_builds_on(flow, files):
    through(flow, files, "optical_density")
    flow.start("pixels", {}, {"pre": (700.0, 703.0), "post": (720.0, 725.0)})
    text = flow.program("optical_density", {"i0": "ROI 1"}, {"noise": "poisson"})
    assert "edge_jump" not in text
    assert "noise='poisson'" in text
    assert text.index("open_stack") < text.index("optical_density")


def test_normalization_and_every_method_run_and_have_a_program(flow):
    stack = small_stack.stack()
    flow.take(stack, small_stack.references())
    windows = {"e0": 708.0, "pre": (-8.0, -4.0), "post": (10.0, 17.0), "post_degree": 0}
    assert flow.start("normalization", {}, windows).state == JobState.DONE
    text = flow.program("normalization", {}, windows)
    space = {"stack": stack}
    exec(text, space)
    same(flow.products["normalization"], space["normalized"])
    wanted = {
        "lcf": {}, "white_line": {"center": 709.0}, "edge_energy": windows, "pre_edge": windows,
        "peaks": {"model": "gaussian + constant"},
    }  # fmt: skip
    flow.take(stack, small_stack.references())
    for method in method_names():
        inputs = {"method": method, "pixels": "all"}
        job = flow.start("method", inputs, wanted[method])
        assert job.state == JobState.DONE, (method, job.error)
        space = {"stack": stack, "references": small_stack.references()}
        exec(flow.program("method", inputs, wanted[method]), space)
        same(flow.products["method"], space["fit"])


def test_two_points_make_a_soc_map_of_any_quantity(flow):
    stack = small_stack.stack()
    flow.take(stack)
    flow.start("method", {"method": "white_line", "pixels": "all"}, {"center": 709.0})
    params = {"discharged": 708.0, "charged": 710.5, "margin": 5.0}
    job = flow.start("calibration", {"by": "two_point"}, params)
    assert job.state == JobState.DONE, job.error
    space = {"stack": stack}
    exec(flow.program("calibration", {"by": "two_point"}, params), space)
    same(flow.products["calibration"], space["maps"])
    assert flow.session.state.map_name == "soc"


def with_offset(offset):
    """small_stack with texture and seven rows free of the sample, on another scale of I0."""
    stack = small_stack.stack()
    rng = np.random.default_rng(5)
    texture = 1.0 + 2.0 * gaussian_filter(rng.normal(size=(24, 32)), 1.5)
    values = stack["signal"].values * texture
    values[:, :7] = rng.normal(0.0, small_stack.NOISE, values[:, :7].shape)
    stack["signal"] = stack["signal"].copy(data=(values + offset).astype(np.float32))
    return stack


def test_the_offset_that_was_planted_is_taken_out_and_the_program_does_the_same(flow):
    stack = with_offset(0.3)
    flow.take(stack)
    flow.start("registration", {}, {"threshold_px": 5.0})
    before = flow.session.state.before
    windows = {"pre": (700.0, 703.0), "post": (720.0, 725.0)}
    params = {"max_od": 1.5, **windows}
    job = flow.start("i0_offset", {}, params)
    assert job.state == JobState.DONE, job.error
    made = flow.products["i0_offset"]
    # A lower quartile of pixels that are means of four frames each.
    assert made.attrs["i0_offset"] == pytest.approx(0.3, abs=2 * small_stack.NOISE / 2)
    moved = made["signal"] - flow.products["registration"]["signal"]
    np.testing.assert_allclose(moved, -made.attrs["i0_offset"], atol=1e-6)
    assert flow.session.state.stack is made
    assert flow.session.state.before is before is stack
    said = flow.step("i0_offset").said(made)
    assert said.startswith(f"Offset {made.attrs['i0_offset']:.3f}")
    dense = int(((stack["signal"].values - 0.3) > 1.5).any(axis=0).sum())
    assert 0 < dense < 768
    assert f"; {dense} of 768 pixels saturated" in said
    space = {"stack": stack}
    exec(flow.program("i0_offset", {}, params), space)
    same(made, space["prepared"])
    assert flow.stack_before("pixels") == ("prepared", made)
    kept = flow.start("i0_offset", {}, {"offset": "none", **windows}).result
    assert kept.attrs["i0_offset"] == 0.0
    assert flow.step("i0_offset").said(kept).startswith("No offset;")


def test_the_offset_needs_optical_density_and_pixels_without_sample(flow, files):
    flow.start("open", {}, {"path": str(files[0])})
    with pytest.raises(DataError, match="make optical density first"):
        flow.start("i0_offset")
    stack = small_stack.stack()
    flow.take(stack)
    job = flow.start("i0_offset", {}, {"pre": (700.0, 703.0), "post": (720.0, 725.0)})
    assert job.state == JobState.FAILED
    assert "no object-free pixels" in str(job.error)
    assert set(flow.products) == {"open"}


def test_the_card_has_the_verdict_on_the_rim_of_the_registered_stack(flow, files):
    through(flow, files)
    verdict = read_verdict(flow.products["registration"].attrs)
    assert verdict is not None
    assert read_verdict(flow.products["calibration"].attrs) == verdict
    (check,) = [c for c in flow.products["heterogeneity"].checks if c.name == "rim"]
    assert check.detail == verdict[1]


def test_a_rim_made_by_drift_is_a_note_of_the_registration(flow):
    stack = with_offset(0.0)
    moved = stack["signal"].values.copy()
    moved[13:] = np.roll(moved[13:], 1, axis=1)  # the sample's edge a pixel lower after the edge
    flow.take(stack.assign(signal=stack["signal"].copy(data=moved)))
    flow.start("registration", {}, {"threshold_px": 9.0})  # let it pass
    made = flow.products["registration"]
    passed, message = read_verdict(made.attrs)
    assert not passed
    assert flow.step("registration").notes(made) == [message]


def test_a_step_done_again_takes_later_results_away_but_not_the_references(flow, files):
    through(flow, files)
    assert set(flow.products) == {s.name for s in STEPS} - {
        "normalization", "energy_axis", "energy_plan"
    }  # fmt: skip
    flow.start("pixels", {}, {"min_jump": 0.2, "pre": (700.0, 703.0), "post": (720.0, 725.0)})
    assert set(flow.products) == {
        "open", "references", "optical_density", "registration", "i0_offset", "pixels"
    }  # fmt: skip
    flow.start("open", {}, {"path": str(files[0])})
    assert set(flow.products) == {"open", "references"}
    assert flow.session.state.references is flow.products["references"]


def test_what_cannot_be_done_yet_says_why(flow):
    with pytest.raises(DataError, match="open a file first"):
        flow.start("registration")
    with pytest.raises(ParameterError, match="no file is chosen"):
        flow.start("open")
    with pytest.raises(ParameterError, match="no step 'report it'"):
        flow.start("report it")
    flow.take(small_stack.stack())
    assert "already" in flow.step("optical_density").hint(flow)
    assert flow.step("calibration").problem(flow) == "Fit the pixels first."
    with pytest.raises(ParameterError, match="Map cannot be 'edge_jump'"):
        flow.start("segmentation", {"of": "edge_jump"})
    with pytest.raises(ParameterError, match="passes"):
        flow.start("registration", {}, {"passes": 0})


def test_a_failure_keeps_what_was_there(flow, tmp_path):
    flow.take(small_stack.stack())
    products, session = flow.products, flow.session
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"no picture")
    job = flow.start("open", {}, {"path": str(broken)})
    assert job.state == JobState.FAILED
    assert flow.products is products
    assert flow.session is session
    four = xr.concat([small_stack.stack()] * 2, "state")
    with pytest.raises(DataError):
        flow.take(four)
    assert flow.products is products


def test_a_cancelled_step_waits_for_no_work_and_changes_nothing(monkeypatch):
    import socwidgets.analysis.registration as module

    flow = Workflow()
    flow.take(small_stack.stack())
    products, go = flow.products, threading.Event()
    monkeypatch.setattr(module, "register", lambda *a, **k: go.wait())
    job = flow.start("registration")
    assert flow.running() == [job]
    job.cancel()
    assert job.wait(PATIENCE_S)  # the work itself goes on
    go.set()
    assert job.state == JobState.CANCELLED
    assert flow.products is products
    flow.close()


def test_texts_of_calls():
    assert literal((1.0,)) == "(1.0,)"
    assert literal({"a": (1, "b")}) == "{'a': (1, 'b')}"
    assert literal(Rectangle(0, 1, 2, 3)) == "Rectangle(0, 1, 2, 3)"
    long = call_text("x", "function", **{f"keyword_{i}": "value" * 3 for i in range(6)})
    compile(long, "text", "exec")
    assert max(map(len, long.splitlines())) < 60
    assert read_options("a=1, b='x', c=(1, 2)") == {"a": 1, "b": "x", "c": (1, 2)}
    for wrong in ("a", "1", "a=open('x')", "**{}", "a=1)("):
        with pytest.raises(ParameterError, match="options cannot be read"):
            read_options(wrong)


@pytest.mark.parametrize("composition", ["soc", "x_li"])
def test_standards_make_a_calibrated_map(flow, composition):
    stack = small_stack.stack()
    flow.take(stack)
    flow.start("method", {"method": "white_line", "pixels": "all"}, {"center": 709.0})
    ends = (0.0, 0.5, 1.0) if composition == "soc" else (1.0, 0.5, 0.0)
    params = {"values": (708.0, 709.25, 710.5), "compositions": ends, "composition": composition,
              "margin": 5.0}  # fmt: skip
    job = flow.start("calibration", {"by": "standards"}, params)
    assert job.state == JobState.DONE, job.error
    space = {"stack": stack}
    exec(flow.program("calibration", {"by": "standards"}, params), space)
    same(flow.products["calibration"], space["maps"])
    assert flow.session.state.map_name == ("soc" if composition == "soc" else "x_li")
