"""The session: every mouse action as a method, undo, isolation, threads, derived numbers."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
import small_stack
from patience import PATIENCE_S, ended

from socwidgets.jobs import JobRunner, JobState
from socwidgets.model.errors import DataError, ParameterError, SchemaError
from socwidgets.model.roi import ROI, Ellipse, Polygon, Rectangle, Threshold
from socwidgets.session import Session
from socwidgets.session.fitting import can_fit, lacking

LEFT = Rectangle(-1.0, -1.0, 0.2, 5.0)


@pytest.fixture(scope="module")
def data():
    stack = small_stack.stack()
    return stack, small_stack.maps(stack), small_stack.references()


@pytest.fixture
def session(data):
    return Session(*data, runner=JobRunner(inline=True))


# -- state and observers ---------------------------------------------------------------------


def test_starts_with_the_first_quantity_and_its_natural_limits(session):
    assert session.state.map_name == "soc"
    assert not session.state.show_frame
    assert session.displayed_limits() == (0.0, 1.0)
    assert session.displayed().dims == ("y", "x")


def test_without_maps_frames_are_shown(data):
    session = Session(data[0])
    assert session.state.show_frame
    assert session.map_names == []
    index = session.state.energy_index
    np.testing.assert_array_equal(session.displayed(), data[0]["signal"][index])
    assert "Optical density at" in session.displayed().attrs["long_name"]
    with pytest.raises(ParameterError, match="no map yet"):
        session.show_map()


def test_observers_hear_only_their_fields_and_see_the_new_state(session):
    seen = []
    session.observe(
        lambda fields: seen.append((fields, session.state.energy_index)), "energy_index"
    )
    session.set_cmap("cividis")
    session.set_energy(3)
    session.set_energy(3)
    assert seen == [({"energy_index"}, 3)]


def test_an_observer_can_be_taken_off(session):
    seen = []
    stop = session.observe(seen.append, "cmap")
    stop()
    stop()
    session.set_cmap("magma")
    assert seen == []


def test_an_observer_that_raises_does_not_stop_the_others(session, caplog):
    seen = []

    def bad(_fields):
        raise RuntimeError("broken view")

    session.observe(bad, "energy_index")
    session.observe(seen.append, "energy_index")
    session.set_energy(2)
    assert seen == [{"energy_index"}]
    assert "broken view" in session.state.error
    assert "broken view" in caplog.text
    session.clear_error()
    assert session.state.error == ""


def test_an_observer_of_errors_that_raises_makes_no_circle(session):
    def bad(_fields):
        raise RuntimeError("cannot show")

    session.observe(bad, "error")
    session.report_error(ValueError("first"))
    assert session.state.error == "first"


def test_observers_run_outside_the_lock(session):
    """An observer may wait for a thread that itself changes the session."""

    def observer(_fields):
        thread = threading.Thread(target=session.set_cmap, args=("magma",))
        thread.start()
        assert ended(thread)

    session.observe(observer, "energy_index")
    session.set_energy(1)
    assert session.state.cmap == "magma"
    assert session.state.error == ""


def test_unknown_field_is_refused(session):
    with pytest.raises(AttributeError, match="energie"):
        session.observe(print, "energie")


def test_old_snapshots_never_change(session):
    before = session.state
    session.add_roi(LEFT)
    session.set_limits(0.2, 0.4)
    assert before.rois == ()
    assert dict(before.limits) == {}
    with pytest.raises(TypeError):
        session.state.limits["map:soc"] = (0, 1)


def test_real_threads_lose_no_edit(data):
    session = Session(*data)
    told = []
    session.observe(lambda _f: told.append(len(session.state.rois)), "rois")

    def add(worker):
        for i in range(50):
            session.add_roi(Rectangle(0, 0, 1, i + 1), f"{worker}-{i}")
            session.set_energy(i % session.energies.size)

    threads = [threading.Thread(target=add, args=(w,)) for w in range(8)]
    for thread in threads:
        thread.start()
    assert all(ended(thread) for thread in threads)
    names = [roi.name for roi in session.state.rois]
    assert len(names) == len(set(names)) == 400
    assert len(told) == 400
    while session.undo():
        pass
    assert len(session.state.rois) == 200  # the history keeps the last 200 edits
    assert session.state.error == ""


# -- maps, frames, limits ----------------------------------------------------------------------


def test_maps_limits_frames(session):
    session.select_map("thickness")
    low, high = session.displayed_limits()
    values = session.displayed().values
    assert (low, high) == pytest.approx(tuple(np.nanpercentile(values, [2, 98])), rel=1e-5)
    session.set_limits(0.5, 2.0)
    session.select_map("soc")
    assert session.displayed_limits() == (0.0, 1.0)
    session.select_map("thickness")
    assert session.displayed_limits() == (0.5, 2.0)
    session.show_frame(4)
    np.testing.assert_array_equal(session.displayed(), session.state.stack["signal"][4])
    first = session.displayed_limits()
    session.set_energy(9)
    assert session.displayed_limits() == first  # all frames share their limits
    session.show_map()
    assert session.displayed().name == "thickness"


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda s: s.select_map("nope"), "no map 'nope'"),
        (lambda s: s.set_energy(99), "no such energy"),
        (lambda s: s.set_limits(1.0, 1.0), "lower first"),
        (lambda s: s.set_limits(float("nan"), 1.0), "lower first"),
        (lambda s: s.rename_roi("nope", "x"), "no region 'nope'"),
        (lambda s: s.delete_roi("nope"), "no region"),
        (lambda s: s.select_roi("nope"), "no region"),
        (lambda s: s.recolor_roi("nope", "red"), "color"),
        (lambda s: s.threshold_roi(), "brush the histogram"),
        (lambda s: s.rois_from_json("{"), "no JSON"),
        (lambda s: s.rois_from_json('[{"type": "star"}]'), "unknown type"),
        (lambda s: s.rois_from_json('"x"'), "no list"),
        (lambda s: s.start_fit("nope"), "no method"),
        (lambda s: s.start_fit(constraint="nope"), "constraint"),
        (lambda s: s.start_fit(constraintt="none"), "did you mean"),
    ],
)
def test_wrong_calls_say_what_is_wrong_and_change_nothing(session, call, match):
    before = session.state
    with pytest.raises(ParameterError, match=match):
        call(session)
    assert session.state is before


def test_objects_that_do_not_belong_together(data):
    stack, maps, _ = data
    with pytest.raises(DataError, match="same pixels"):
        Session(stack, maps.isel(y=slice(3)))
    with pytest.raises(SchemaError):
        Session(stack.drop_vars("signal"))
    with pytest.raises(DataError, match="state=0"):
        Session(stack.expand_dims(state=2))
    with pytest.raises(ParameterError, match="no map 'nope'"):
        Session(stack, maps, map_name="nope")


# -- regions -----------------------------------------------------------------------------------


def test_every_edit_is_one_step_of_undo(session):
    first = session.add_roi(LEFT)
    assert (first.name, session.state.selected) == ("ROI 1", "ROI 1")
    session.edit_roi("ROI 1", Ellipse(0.5, 0.5, 0.2, 0.3))
    session.rename_roi("ROI 1", "core")
    session.recolor_roi("core", "#00FF00")
    copy = session.duplicate_roi("core")
    assert copy.color != "#00ff00"
    session.delete_roi("core")
    assert [roi.name for roi in session.state.rois] == [copy.name]
    session.clear_rois()
    assert session.state.selected is None
    history = []
    while session.can_undo:
        history.append(tuple(roi.name for roi in session.state.rois))
        assert session.undo()
    assert history == [(), (copy.name,), ("core", copy.name), ("core",), ("core",), ("ROI 1",),
                       ("ROI 1",)]  # fmt: skip
    assert session.state.rois == ()
    assert not session.undo()
    for _ in range(7):
        assert session.redo()
    assert not session.redo()
    assert session.state.rois == ()


def test_a_new_edit_forgets_what_could_be_redone(session):
    session.add_roi(LEFT)
    session.undo()
    session.add_roi(Rectangle(0, 0, 1, 1))
    assert not session.can_redo


def test_an_edit_without_effect_is_no_step(session):
    session.add_roi(LEFT)
    session.edit_roi("ROI 1", LEFT)
    session.undo()
    assert session.state.rois == ()


def test_names_are_unique_and_colors_differ(session):
    for _ in range(4):
        session.add_roi(LEFT)
    assert len({roi.color for roi in session.state.rois}) == 4
    with pytest.raises(ParameterError, match="already"):
        session.add_roi(LEFT, "ROI 2")
    session.delete_roi("ROI 2")
    assert session.add_roi(LEFT).name == "ROI 2"


def test_json_round_trip_is_exact_and_one_step(session):
    session.add_roi(Rectangle(0.1, 0.2, 0.3, 1 / 3), "a")
    session.add_roi(Polygon(((0, 0), (1, 0), (0.5, 0.7))), "b", "#123456")
    session.add_roi(Threshold("soc", 0.2, 0.4), "c")
    before, text = session.state.rois, session.rois_to_json()
    json.loads(text)
    session.clear_rois()
    session.rois_from_json(text)
    assert session.state.rois == before
    session.undo()
    assert session.state.rois == ()


def test_a_draft_is_no_edit(session):
    session.set_draft(LEFT)
    assert session.state.draft.name == "ROI 1"
    assert not session.can_undo
    session.add_roi(LEFT)
    assert session.state.draft is None
    session.set_draft(Rectangle(0, 0, 1, 1), "ROI 1")
    assert session.state.draft == ROI("ROI 1", Rectangle(0, 0, 1, 1), session.roi("ROI 1").color)
    session.set_draft(None)
    assert session.state.draft is None


# -- brush, threshold, pixel -------------------------------------------------------------------


def test_brush_highlights_and_becomes_a_region(session):
    session.brush(0.9, 0.2)
    expected = (session.displayed() >= 0.2) & (session.displayed() <= 0.9)
    np.testing.assert_array_equal(session.highlight(), expected)
    roi = session.threshold_roi()
    assert roi.shape == Threshold("soc", 0.2, 0.9)
    session.clear_brush()
    np.testing.assert_array_equal(session.roi_mask(roi.name), expected)
    np.testing.assert_array_equal(session.highlight(), expected)  # the selected threshold region
    session.select_roi(None)
    assert session.highlight() is None


def test_another_map_forgets_the_brush(session):
    session.brush(0.1, 0.2)
    session.select_map("soc")
    assert session.state.brush == (0.1, 0.2)
    session.select_map("thickness")
    assert session.state.brush is None


def test_no_threshold_on_a_frame(session):
    session.show_frame()
    session.brush(0.0, 1.0)
    with pytest.raises(ParameterError, match="needs a map"):
        session.threshold_roi()


@pytest.mark.parametrize(
    ("x", "y", "pixel"),
    [(0.0, 0.0, (0, 0)), (0.074, 0.0, (0, 1)), (0.51, 0.26, (5, 10)), (9.0, 0.0, None),
     (-0.024, 0.0, (0, 0)), (-0.026, 0.0, None)],
)  # fmt: skip
def test_select_pixel(session, x, y, pixel):
    assert session.select_pixel(x, y) == pixel
    assert session.state.pixel == pixel
    if pixel:
        expected = session.state.stack["signal"][:, pixel[0], pixel[1]]
        np.testing.assert_array_equal(session.pixel_spectrum(), expected)


# -- derived -----------------------------------------------------------------------------------


def test_fit_of_a_region_recovers_the_planted_mixture(session):
    roi = session.add_roi(Rectangle(-1.0, -1.0, 0.3, 5.0))
    inside = session.roi_mask(roi.name).values
    truth = small_stack.true_soc()[inside].mean()
    fit = session.roi_fit(roi.name)
    found = json.loads(fit.attrs["results"])["fraction_FP_free"]
    sigma = found["std"]
    assert sigma > 0
    assert abs(found["value"] - truth) < 5 * sigma + 1e-3
    assert {"fit", "residual", "background", "component_FP", "component_LFP"} <= set(fit)


def test_pixel_fit_uses_the_pixels_own_noise(session):
    session.select_pixel(0.0, 0.0)
    found = json.loads(session.pixel_fit().attrs["results"])["fraction_FP_free"]
    at = {"y": 0, "x": 0}
    assert found["value"] == pytest.approx(float(session.state.maps["soc"][at]), abs=1e-5)
    assert found["std"] == pytest.approx(float(session.state.maps["soc_std"][at]), rel=1e-4)


def test_derived_data_are_computed_once_per_value(session, monkeypatch):
    import socwidgets.analysis.roi as analysis

    calls = []
    real = analysis.roi_spectrum
    monkeypatch.setattr(analysis, "roi_spectrum", lambda *a: calls.append(1) or real(*a))
    session.add_roi(LEFT, "a")
    session.add_roi(LEFT, "b")
    for name in ("a", "b", "a"):
        session.roi_spectrum(name)
    assert len(calls) == 1
    session.edit_roi("a", Rectangle(0, 0, 0.3, 0.3))
    session.roi_spectrum("a")
    assert len(calls) == 2


def test_statistics_are_weighted_by_thickness(session):
    roi = session.add_roi(LEFT)
    numbers = session.roi_statistics(roi.name)
    inside = session.roi_mask(roi.name).values
    soc = session.state.maps["soc"].values[inside].astype(float)
    weight = session.state.maps["thickness"].values[inside].astype(float)
    assert numbers.count == inside.sum() == 24 * 5
    assert numbers.mean == pytest.approx(soc.mean(), rel=1e-9)
    assert numbers.std == pytest.approx(soc.std(), rel=1e-9)
    mean = np.average(soc, weights=weight)
    assert numbers.weighted_mean == pytest.approx(mean, rel=1e-9)
    spread = np.sqrt(np.average((soc - mean) ** 2, weights=weight))
    assert numbers.weighted_std == pytest.approx(spread, rel=1e-9)
    sigma = session.state.maps["soc_std"].values[inside]
    expected = np.sqrt(((weight * sigma) ** 2).sum()) / weight.sum()
    assert numbers.weighted_sigma == pytest.approx(expected, rel=1e-6)


def test_statistics_follow_the_map_and_survive_an_empty_region(session):
    roi = session.add_roi(Rectangle(50, 50, 60, 60))
    empty = session.roi_statistics(roi.name)
    assert (empty.count, empty.used) == (0, 0)
    assert np.isnan([empty.mean, empty.weighted_mean, empty.weighted_sigma]).all()
    assert session.roi_fit(roi.name) is None
    session.edit_roi(roi.name, LEFT)
    session.select_map("thickness")
    numbers = session.roi_statistics(roi.name)
    assert (numbers.variable, numbers.weighted_variable) == ("thickness", "soc")
    assert numbers.mean == pytest.approx(1.0, abs=0.05)


# -- fits --------------------------------------------------------------------------------------


def test_a_fit_brings_soc_maps(data):
    stack, _, references = data
    session = Session(stack, references=references, runner=JobRunner(inline=True))
    jobs = []
    session.on_job(lambda job: jobs.append(job.state))
    job = session.start_fit(constraint="none", background_degree=0)
    assert job.state == JobState.DONE
    assert session.state.map_name == "soc"
    assert not session.state.show_frame
    assert session.state.fit_params["constraint"] == "none"
    assert "768" in session.state.message
    assert jobs[0] == JobState.RUNNING
    assert jobs[-1] == JobState.DONE
    bias = float((session.state.maps["soc"] - small_stack.true_soc()).mean())
    assert abs(bias) < 5 * 0.02 / np.sqrt(768)
    assert {"fraction_LFP", "fraction_FP"} <= set(session.state.maps)


def test_a_failed_fit_keeps_the_maps_and_tells(data):
    stack, maps, references = data
    short = references.sel(energy=slice(705, 715))
    session = Session(stack, maps, short, runner=JobRunner(inline=True))
    job = session.start_fit()
    assert job.state == JobState.FAILED
    assert session.state.maps is maps
    assert "do not cover" in session.state.error


def test_cancel_and_supersede_keep_the_old_maps(data, monkeypatch):
    import socwidgets.analysis.fit as analysis
    from socwidgets.model.errors import CancelledError

    started = threading.Event()

    def slow(stack, method, params, *, progress, cancel, **_):
        started.set()
        progress(1, 10)
        assert cancel.wait(PATIENCE_S)
        raise CancelledError

    real = analysis.fit_map
    monkeypatch.setattr(analysis, "fit_map", slow)
    session = Session(*data)
    job = session.start_fit()
    assert started.wait(PATIENCE_S)
    session.cancel_fit()
    assert job.wait(PATIENCE_S)
    assert job.state == JobState.CANCELLED
    assert session.state.maps is data[1]
    assert "cancelled" in session.state.message
    assert session.state.error == ""

    started.clear()
    old = session.start_fit()
    assert started.wait(PATIENCE_S)
    monkeypatch.setattr(analysis, "fit_map", real)
    new = session.start_fit(constraint="none")
    assert old.wait(PATIENCE_S)
    assert new.wait(PATIENCE_S)
    assert old.state == JobState.CANCELLED
    assert new.state == JobState.DONE
    assert session.state.maps is new.result


def test_a_refit_keeps_the_mask_of_the_maps(data):
    stack, maps, references = data
    masked = maps.copy()
    codes = masked["status"].values.copy()
    codes[:4] = 2
    masked["status"] = masked["status"].copy(data=codes)
    session = Session(stack, masked, references, runner=JobRunner(inline=True))
    session.start_fit()
    status = session.state.maps["status"].values
    assert (status[:4] == 2).all()
    assert (status[4:] != 2).all()


def test_closing_forgets_observers_and_stops_jobs(session):
    seen = []
    session.observe(seen.append)
    session.close()
    session.set_energy(1)
    assert seen == []


def test_transmitted_counts_are_not_fitted(data):
    """References of absorption on counts would be nonsense: the view says what is missing."""
    stack = data[0]
    counts = stack.copy()
    counts["signal"] = 1000.0 * np.exp(-stack["signal"])
    counts["flat"] = ("energy", np.full(stack.sizes["energy"], 1000.0))
    counts.attrs["quantity"] = "counts"
    session = Session(counts, references=small_stack.references())
    assert not can_fit(session.state)
    assert "Convert" in lacking(session.state)
    with pytest.raises(DataError, match="optical density"):
        session.overall_fit()
    session.set_stack(stack)
    assert can_fit(session.state)
    assert session.overall_fit() is not None
    session.close()
