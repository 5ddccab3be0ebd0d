"""The energy axis, references with a foil, flats in files, stray light, energy plans: as steps."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest
import small_stack
import tifffile
from io_factories import write_tiff
from patience import PATIENCE_S
from workflow_steps import same, through

import socwidgets as soc
from socwidgets.analysis.energy_trial import try_energies
from socwidgets.io import save_bundle
from socwidgets.jobs import JobRunner, JobState
from socwidgets.model.errors import DataError, ParameterError, ReadError
from socwidgets.model.roi import Rectangle
from socwidgets.model.stack import make_stack
from socwidgets.session import Session, fitting
from socwidgets.session.remarks import heard_warnings
from socwidgets.session.saving import open_session, save_session
from socwidgets.session.workflow import STEPS, Workflow, report_inputs
from socwidgets.session.workflow.plan import usual_numbers

K_EDGE = np.linspace(8280.0, 8400.0, 121)
OFFSET = 1.4


def edge(energies, e0):
    """A step with a white line, as a foil and a cathode have it."""
    rise = 0.5 + np.arctan((energies - e0) / 0.9) / np.pi
    return 0.1 + rise * (1.0 + 0.2 * np.exp(-(((energies - e0 - 12.0) / 6.0) ** 2)))


@pytest.fixture
def flow():
    made = Workflow(JobRunner(inline=True))
    yield made
    made.close()


@pytest.fixture(scope="module")
def nickel(tmp_path_factory):
    """Folder with a foil whose axis is 1.4 eV low, a stack and references of the same day."""
    folder = tmp_path_factory.mktemp("nickel")
    np.savetxt(folder / "foil.txt", np.c_[K_EDGE, edge(K_EDGE, 8333.0 - OFFSET)])
    for name, e0 in (("Ni2", 8343.0), ("Ni3", 8345.0)):
        np.savetxt(folder / f"{name}.txt", np.c_[K_EDGE, edge(K_EDGE, e0 - OFFSET)])
    rng = np.random.default_rng(3)
    signal = edge(K_EDGE, 8344.0 - OFFSET)[:, None, None] + rng.normal(0, 0.005, (121, 6, 8))
    stack = make_stack(signal.astype(np.float32), K_EDGE, quantity="optical_density", pixel_um=0.05)
    save_bundle(folder / "scan.nc", stack=stack)
    return folder


def run(flow, name, inputs=None, params=None):
    job = flow.start(name, inputs or {}, params or {})
    assert job.state == JobState.DONE, job.error
    return job.result


def done_by_program(flow, name, inputs, params, **given):
    """What the recorded text makes, in a space that knows only `given`."""
    space = dict(given)
    exec(flow.program(name, inputs, params), space)
    return space[flow.step(name).makes]


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


# -- optical density -----------------------------------------------------------------------------


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


# -- steps of other data -------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["again", "back"])
def test_a_result_of_data_that_have_gone_is_refused(other):
    """It was taken over, and the program told of other data than the map was made of."""
    flow = Workflow()
    stack = small_stack.stack()
    flow.take(stack)
    assert flow.start("energy_axis", {"by": "offset"}, {"offset_ev": 0.5}).wait(PATIENCE_S)
    go = threading.Event()
    step = flow.step("pixels")
    real = type(step).work

    def slow(self, flow, inputs, params):
        inner = real(self, flow, inputs, params)

        def work(*, progress, cancel):
            assert go.wait(PATIENCE_S)
            return inner(progress=progress, cancel=cancel)

        return work

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(step), "work", slow)
        job = flow.start("pixels", {}, {"pre": (700.0, 703.0), "post": (720.0, 725.0)})
        if other == "again":
            assert flow.start("energy_axis", {"by": "offset"}, {"offset_ev": 0.1}).wait(PATIENCE_S)
        else:
            flow.take_back("energy_axis")
        go.set()
        assert job.wait(PATIENCE_S)
    assert job.state == JobState.FAILED
    assert "meanwhile" in str(job.error)
    assert "pixels" not in flow.products
    flow.close()


def test_every_step_that_is_taken_back_leaves_what_was_before(flow, tmp_path):
    """Back from the last to the first, the session shows each time what it showed then."""
    files = small_stack.write_scan(tmp_path)
    through(flow, files)
    order = [s.name for s in STEPS if s.name in flow.products and s.name != "open"]
    for name in order[::-1]:
        flow.take_back(name)
        assert name not in flow.products
        state = flow.session.state
        if name == "calibration":
            assert "soc" not in state.maps
            assert state.calibration is None
        if name == "method":
            assert state.map_name == "edge_jump"
        if name == "pixels":
            assert state.maps is None
            assert state.show_frame
        if name in ("segmentation", "calibration", "method"):
            assert state.labels is None
        assert state.stack is flow.stack_before("report")[1]
    assert set(flow.products) == {"open"}
    assert [r.name for r in flow.session.state.rois] == ["ROI 1"]
    assert flow.session.state.stack is flow.products["open"]


# -- warnings ------------------------------------------------------------------------------------


def test_warnings_of_a_step_are_kept_each_time_and_belong_to_their_step(tmp_path):
    """They went to the log of the kernel, the first time only."""
    flow = Workflow()
    flow.take(small_stack.stack(), small_stack.references())
    narrow = {"center": 709.0, "half_width": 1.5}
    for _ in range(2):
        job = flow.start("method", {"method": "white_line", "pixels": "all"}, narrow)
        other = flow.start("energy_plan", {"pixels": "all"}, {"numbers": "6"})
        assert job.wait(PATIENCE_S)
        assert other.wait(PATIENCE_S)
        assert job.state == JobState.DONE, job.error
        remarks = flow.remarks["method"]
        assert sum("no maximum inside the white-line window" in text for text in remarks) == 1
        assert flow.remarks["energy_plan"] == ()
    flow.take_back("method")
    assert "method" not in flow.remarks
    kev = np.c_[small_stack.ENERGIES / 1000, small_stack.references().values[0]]
    np.savetxt(tmp_path / "kev.txt", kev)
    job = flow.start("references", {}, {"files": str(tmp_path / "kev.txt")})
    assert job.wait(PATIENCE_S)
    assert any("keV" in remark for remark in flow.remarks["references"])
    flow.close()


def test_warnings_of_a_fit_are_notes_of_its_maps(monkeypatch):
    """In the explorer, too; other maps do not have them."""
    real = fitting.run

    def run(*args, **options):
        warnings.warn("mind the gap", stacklevel=1)
        return real(*args, **options)

    monkeypatch.setattr(fitting, "run", run)
    session = Session(
        small_stack.stack(), references=small_stack.references(), runner=JobRunner(inline=True)
    )
    session.start_fit("lcf")
    assert session.notes().count("mind the gap") == 1
    session.set_maps(session.state.maps.copy())
    assert "mind the gap" not in session.notes()
    session.close()


def test_warnings_outside_of_steps_go_where_they_went():
    def both():
        with heard_warnings() as heard:
            thread = threading.Thread(target=warnings.warn, args=("outside",))
            thread.start()
            thread.join()
            warnings.warn("inside", stacklevel=1)
        return heard

    with pytest.warns(UserWarning, match="side") as seen:
        assert both() == ["inside"]
    assert [str(w.message) for w in seen] == ["outside"]


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
