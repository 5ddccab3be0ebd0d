"""The energy axis, references with a foil, energy plans: as steps."""

from __future__ import annotations

import numpy as np
import pytest
import small_stack
from workflow_steps import K_EDGE, OFFSET, done_by_program, run, same

from socwidgets.analysis.energy_trial import try_energies
from socwidgets.io import save_bundle
from socwidgets.jobs import JobRunner, JobState
from socwidgets.model.errors import DataError, ParameterError, ReadError
from socwidgets.model.roi import Rectangle
from socwidgets.model.stack import make_stack
from socwidgets.session.saving import open_session, save_session
from socwidgets.session.workflow import Workflow
from socwidgets.session.workflow.plan import usual_numbers

# -- the energy axis -----------------------------------------------------------------------------


def test_a_foil_puts_the_axis_right_and_the_program_does_the_same(flow, nickel):
    run(flow, "open", {}, {"path": str(nickel / "scan.nc")})
    params = {"foil": str(nickel / "foil.txt"), "element": "Ni"}
    made = run(flow, "energy_axis", {"by": "foil"}, params)
    # The fit of a parabola to the slope on a grid of 1 eV.
    assert made.attrs["energy_offset_applied"] == pytest.approx(OFFSET, abs=0.05)
    np.testing.assert_allclose(made.energy - K_EDGE, made.attrs["energy_offset_applied"])
    again = done_by_program(flow, "energy_axis", {"by": "foil"}, params)
    same(made, again)
    np.testing.assert_array_equal(made.energy, again.energy)
    assert flow.session.state.stack is made
    assert f"{made.attrs['energy_offset_applied']:+.3f} eV" in flow.step("energy_axis").said(made)
    # Done once more it starts from the axis as it was read.
    twice = run(flow, "energy_axis", {"by": "foil"}, params)
    assert twice.attrs["energy_offset_applied"] == made.attrs["energy_offset_applied"]


def test_later_steps_go_on_with_the_axis_that_was_moved(flow, nickel):
    run(flow, "open", {}, {"path": str(nickel / "scan.nc")})
    run(flow, "energy_axis", {"by": "offset"}, {"offset_ev": OFFSET})
    made = run(flow, "method", {"method": "white_line"}, {"center": 8346.0})
    assert flow.stack_before("method")[0] == "shifted"
    again = done_by_program(flow, "method", {"method": "white_line"}, {"center": 8346.0})
    same(made, again)


def test_two_edges_correct_the_angle_of_the_monochromator(flow, nickel):
    run(flow, "open", {}, {"path": str(nickel / "scan.nc")})
    params = {"measured_ev": "8300, 8380", "true_ev": "8301, 8381.5"}
    made = run(flow, "energy_axis", {"by": "bragg"}, params)
    at = np.interp([8300.0, 8380.0], K_EDGE, made.energy)
    np.testing.assert_allclose(at, [8301.0, 8381.5], atol=1e-3)
    same(made, done_by_program(flow, "energy_axis", {"by": "bragg"}, params))


def test_the_axis_is_taken_back_with_all_that_builds_on_it(flow, nickel):
    run(flow, "open", {}, {"path": str(nickel / "scan.nc")})
    run(flow, "references", {}, {"files": f"{nickel}/Ni2.txt,{nickel}/Ni3.txt"})
    run(flow, "energy_axis", {"by": "offset"}, {"offset_ev": 2.0})
    run(flow, "method", {"method": "white_line"}, {"center": 8346.0})
    flow.take_back("energy_axis")
    assert set(flow.products) == {"open", "references"}
    np.testing.assert_array_equal(flow.session.energies, K_EDGE)
    assert flow.session.state.maps is None
    with pytest.raises(DataError, match="nothing to take back"):
        flow.take_back("energy_axis")
    with pytest.raises(DataError, match="open another file"):
        flow.take_back("open")


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"foil": ""}, ParameterError, "no foil is chosen"),
        ({"foil": "{nickel}/nowhere.txt"}, ReadError, "nowhere.txt"),
        ({"foil": "{nickel}/foil.txt", "element": "Fe"}, DataError, "not a Fe foil"),
        ({"foil": "{nickel}/picture.txt"}, ReadError, "picture.txt"),
        ({"foil": "{nickel}/constant.txt"}, DataError, "shows no edge"),
        ({"foil": "{nickel}/two.nc"}, ReadError, "one spectrum is needed"),
    ],
)
def test_a_wrong_foil_is_named_and_nothing_moves(flow, nickel, params, error, words):
    (nickel / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x01")
    np.savetxt(nickel / "constant.txt", np.c_[K_EDGE, np.ones_like(K_EDGE)])
    save_bundle(nickel / "two.nc", references=small_stack.references())
    run(flow, "open", {}, {"path": str(nickel / "scan.nc")})
    given = {k: v.format(nickel=nickel) for k, v in params.items()}
    if error is ParameterError:
        with pytest.raises(error, match=words):
            flow.start("energy_axis", {"by": "foil"}, given)
    else:
        job = flow.start("energy_axis", {"by": "foil"}, given)
        assert job.state == JobState.FAILED
        assert isinstance(job.error, error)
        assert words in str(job.error)
    assert set(flow.products) == {"open"}
    np.testing.assert_array_equal(flow.session.energies, K_EDGE)


def test_other_axes_and_empty_edges_say_what_to_do(flow):
    shift = np.linspace(300.0, 800.0, 30)
    flow.take(make_stack(np.ones((30, 4, 5), np.float32), shift, dim="raman_shift"))
    assert "raman shift" in flow.step("energy_axis").problem(flow)
    flow.take(small_stack.stack())
    job = flow.start("energy_axis", {"by": "bragg"}, {})
    assert "one or two points" in str(job.error)
    with pytest.raises(ParameterError, match="offset_ev"):
        flow.start("energy_axis", {"by": "offset"}, {"offset_ev": 8333.0})


def test_a_saved_session_keeps_the_offset_and_what_was_done(flow, nickel, tmp_path):
    run(flow, "open", {}, {"path": str(nickel / "scan.nc")})
    files = f"{nickel}/Ni2.txt,{nickel}/Ni3.txt"
    run(flow, "references", {}, {"files": files, "interpolation": "linear"})
    run(flow, "optical_density", {}, {"stray_light": 0.01})
    run(flow, "energy_axis", {"by": "offset"}, {"offset_ev": OFFSET})
    path = save_session(flow.session, tmp_path / "session.nc")
    back = open_session(path, runner=JobRunner(inline=True))
    stack = back.state.stack
    assert stack.attrs["energy_offset_applied"] == pytest.approx(OFFSET)
    np.testing.assert_allclose(stack.energy, K_EDGE + OFFSET)
    assert "without_stray_light" in stack.attrs["provenance"]
    assert "shift_energies" in stack.attrs["provenance"]
    assert back.state.references.attrs["interpolation"] == "linear"
    back.close()
    # Opened as a file, it says that its axis was moved: the foil must not count twice.
    other = Workflow(JobRunner(inline=True))
    made = run(other, "open", {}, {"path": str(path)})
    assert any("counts twice" in note for note in other.step("open").notes(made))
    other.close()


# -- references ----------------------------------------------------------------------------------


def test_references_are_interpolated_as_asked_and_have_a_foil_of_their_own(flow, nickel):
    params = {
        "files": f"{nickel}/Ni2.txt,{nickel}/Ni3.txt", "interpolation": "linear",
        "foil": str(nickel / "foil.txt"), "element": "Ni",
    }  # fmt: skip
    made = run(flow, "references", {}, params)
    assert made.attrs["interpolation"] == "linear"
    assert made.energy[0] == pytest.approx(K_EDGE[0] + OFFSET, abs=0.05)
    again = done_by_program(flow, "references", {}, params)
    np.testing.assert_array_equal(made.energy, again.energy)
    assert again.attrs["interpolation"] == "linear"
    assert "straight lines" in flow.step("references").said(made)
    assert any("eV" in note for note in flow.step("references").notes(made))
    plain = run(flow, "references", {}, {"files": params["files"]})
    assert plain.attrs["interpolation"] == "cubic"
    assert "interpolation" not in flow.program("references", {}, {"files": params["files"]})


def test_references_take_the_axis_of_the_stack(flow, tmp_path):
    """They came out on photon energies, whatever the stack was on."""
    loss = np.linspace(700.0, 725.0, 26)
    low, high = small_stack.references().values
    signal = 0.5 * (low + high)[:, None, None] * np.ones((1, 4, 5))
    flow.take(make_stack(signal.astype(np.float32), loss, dim="energy_loss"))
    for name, values in (("a", low), ("b", high)):
        np.savetxt(tmp_path / f"{name}.txt", np.c_[loss, values])
    params = {"files": f"{tmp_path}/a.txt,{tmp_path}/b.txt"}
    made = run(flow, "references", {}, params)
    assert made.dims == ("component", "energy_loss")
    fit = run(flow, "method", {"method": "lcf", "pixels": "all"})
    np.testing.assert_allclose(fit["fraction_b"], 0.5, atol=1e-3)
    assert done_by_program(flow, "references", {}, params).dims == made.dims


def test_other_references_leave_the_stack_and_take_the_maps_of_the_old_ones(flow, tmp_path):
    """They took the optical density away, which knows nothing of them, and left their maps."""
    path, references = small_stack.write_scan(tmp_path)
    run(flow, "open", {}, {"path": str(path)})
    flow.session.add_roi(Rectangle(-1, -0.01, 5, 0.06))
    od = run(flow, "optical_density", {"i0": "ROI 1"}, {"noise": "poisson"})
    windows = {"pre": (700.0, 703.0), "post": (720.0, 725.0)}
    jumps = run(flow, "pixels", {}, {"min_jump": 0.1, **windows})
    run(flow, "references", {}, {"files": references})
    run(flow, "method", {"method": "lcf", "pixels": "edge"})
    run(flow, "references", {}, {"files": references, "interpolation": "linear"})
    assert flow.products["optical_density"] is od
    assert flow.products["pixels"] is jumps
    assert "method" not in flow.products
    assert "edge_jump" in flow.session.map_names
    assert "fraction_FP" not in flow.session.state.maps
    flow.take_back("references")
    assert flow.session.state.references is None


# -- the energy plan -----------------------------------------------------------------------------


def test_a_plan_is_tried_beside_the_other_results(flow):
    stack = small_stack.stack()
    flow.take(stack)
    assert flow.step("energy_plan").problem(flow) == "Read reference spectra first."
    flow.take(stack, small_stack.references())
    fit = run(flow, "method", {"method": "lcf", "pixels": "all"})
    inputs, params = {"pixels": "all"}, {"numbers": "6, 12, 26"}
    made = run(flow, "energy_plan", inputs, params)
    wanted = try_energies(stack, small_stack.references(), (6, 12, 26))
    assert made.to_dict() == wanted.to_dict()
    assert flow.products["method"] is fit
    text = flow.program("energy_plan", inputs, params)
    assert "fit_map" not in text
    space = {"stack": stack, "references": small_stack.references()}
    exec(text, space)
    assert space["tried"].to_dict() == made.to_dict()
    assert flow.session.state.maps is fit
    # A fit that is done again knows nothing of the plan, the plan nothing of it.
    run(flow, "method", {"method": "lcf", "pixels": "all"}, {"constraint": "none"})
    assert flow.products["energy_plan"] is made
    run(flow, "optical_density", {}, {"stray_light": 0.01})
    assert "energy_plan" not in flow.products


def test_a_plan_needs_a_known_noise_and_possible_numbers(flow):
    stack = small_stack.stack()
    flow.take(stack.drop_vars("signal_std"), small_stack.references())
    assert "noise must be known" in flow.step("energy_plan").problem(flow)
    flow.take(stack, small_stack.references())
    job = flow.start("energy_plan", {}, {"numbers": "3, 500"})
    assert job.state == JobState.FAILED
    assert "number of energies" in str(job.error)
    text = flow.program("energy_plan", {}, {})
    assert "(5, 7, 10, 13, 19, 26)" in text
    assert usual_numbers(5, 4) == (4,)
    assert usual_numbers(3, 100)[0] == 3
