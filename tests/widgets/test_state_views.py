"""Series, volume, registration and card without a browser."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import small_stack
import xarray as xr
from html_words import text_of
from ipywidgets.widgets.widget import _instances
from patience import PATIENCE_S

from socwidgets.analysis.registration import register
from socwidgets.heterogeneity.card import heterogeneity_card
from socwidgets.heterogeneity.particles import particle_table
from socwidgets.jobs import JobRunner, JobState, abandonable
from socwidgets.model.errors import SchemaError
from socwidgets.model.roi import Rectangle
from socwidgets.session import Session
from socwidgets.session.trajectories import state_words, trajectories
from socwidgets.widgets.card_view import CardView, only
from socwidgets.widgets.map_events import MapEvent
from socwidgets.widgets.registration_view import RegistrationView
from socwidgets.widgets.series_view import SeriesView
from socwidgets.widgets.volume_view import VolumeView


@pytest.fixture(scope="module")
def data():
    stack = small_stack.stack()
    maps = small_stack.maps(stack)
    labels = xr.zeros_like(maps["status"], dtype=np.int32)
    labels[2:8, 3:10] = 1
    labels[10:20, 15:30] = 2
    return stack, maps, labels


@pytest.fixture(scope="module")
def states(data):
    maps = data[1]
    parts = [
        maps.assign(soc=(maps["soc"] + 0.1 * i).assign_attrs(maps["soc"].attrs)) for i in range(4)
    ]
    made = xr.concat(parts, "voltage", combine_attrs="override")
    attrs = {"long_name": "Cell voltage", "units": "V"}
    return made.assign_coords(voltage=("voltage", [3.2, 3.5, 3.8, 4.2], attrs))


# -- series --------------------------------------------------------------------------------------


def test_the_slider_shows_a_state_everywhere(data, states):
    before = set(_instances)
    view = SeriesView(states, data[2])
    session = view.session
    session.select_map("soc")
    first = session.displayed().values
    view.state.value = 2
    np.testing.assert_allclose(session.displayed().values, first + 0.2, rtol=1e-5)
    assert "3.8 V (3 of 4)" in text_of(view.name.value)
    assert view._cursor.x[0] == pytest.approx(3.8)
    session.set_state(1)
    assert view.state.value == 1
    assert (view.play.max, view.state.max) == (3, 3)
    assert session.state.error == ""
    view.close()
    assert set(_instances) - before == set()


def test_paths_are_those_of_the_particles(data, states):
    view = SeriesView(states, data[2])
    found = view.paths
    for i in range(4):
        table = particle_table(states.isel(voltage=i), data[2], variable="soc")
        np.testing.assert_allclose(found["particle_mean"][:, i], table["mean"], rtol=1e-6)
        np.testing.assert_allclose(found["particle_std"][:, i], table["mean_std"], rtol=1e-6)
    view.session.select_particle(2)
    np.testing.assert_allclose(view._one.y, found["particle_mean"][1])
    assert "particle 2" in text_of(view._legend.value)
    # One mark for all paths, broken between particles.
    assert np.isnan(view._many.y).sum() == 2
    view.close()


def test_paths_of_a_state_without_values_and_without_labels(data, states):
    masked = states.copy(deep=True)
    masked["status"] = masked["status"].where(masked["voltage"] != 3.5, 1).astype(np.uint8)
    session = Session(data[0], data[1], runner=JobRunner(inline=True))
    session.set_series(masked)
    found = trajectories(session.state.series, "soc", data[2])
    assert np.isnan(found["particle_mean"][:, 1]).all()
    assert np.isfinite(found["particle_mean"][:, 2]).all()
    assert np.isnan(float(found["mean"][1]))
    assert "particle_mean" not in trajectories(session.state.series, "soc", None)
    assert state_words(session.state.series)[0] == "3.2 V"
    with pytest.raises(SchemaError, match="series of maps"):
        SeriesView(data[1])
    view = SeriesView(Session(data[0], data[1]))
    assert "No series" in view.name.value
    view.close()


# -- volume --------------------------------------------------------------------------------------


@pytest.fixture
def volume():
    values = np.arange(6 * 8 * 10, dtype=float).reshape(6, 8, 10)
    axes = (("z", 6, 0.2), ("y", 8, 0.1), ("x", 10, 0.1))
    coords = {d: (d, np.arange(n) * step, {"units": "um"}) for d, n, step in axes}
    view = VolumeView(xr.DataArray(values, coords, ("z", "y", "x"), name="soc"))
    yield values, view
    assert view.session.state.error == ""
    view.close()


def test_three_slices_through_one_point(volume):
    values, view = volume
    view.sliders["z"].value, view.sliders["y"].value, view.sliders["x"].value = 4, 2, 7
    assert view.session.state.state_index == 4
    assert view.session.state.pixel == (2, 7)
    np.testing.assert_array_equal(view.slices["yx"].values, values[4])
    np.testing.assert_array_equal(view.slices["zx"].values, values[:, 2, :])
    np.testing.assert_array_equal(view.slices["yz"].values, values[:, :, 7].T)
    assert f"{values[4, 2, 7]:.4g}" in text_of(view.value.value)
    assert view.slices["zx"].point == pytest.approx([0.7, 0.8])


def test_a_click_in_one_slice_moves_the_others(volume):
    values, view = volume
    view.slices["zx"]._dispatch(MapEvent("point", x=0.32, y=0.58))
    assert view.session.state.state_index == 3
    assert view.session.state.pixel[1] == 3
    view.slices["yz"]._dispatch(MapEvent("point", x=1.0, y=0.1))
    assert view.session.state.state_index == 5
    assert view.session.state.pixel == (1, 3)
    np.testing.assert_array_equal(view.slices["yx"].values, values[5])


# -- registration --------------------------------------------------------------------------------


def test_drift_and_frames_before_and_after(data):
    stack = data[0].drop_vars("signal_std")
    # Something to align by: the frames of the small stack have nothing in common but noise.
    y, x = np.mgrid[: stack.sizes["y"], : stack.sizes["x"]]
    particle = 3.0 * np.exp(-((y - 12) ** 2 + (x - 15) ** 2) / 18.0)
    stack["signal"] = (stack["signal"] + particle).assign_attrs(stack["signal"].attrs)
    moved = stack.copy(deep=True)
    for i in range(13, 26):
        moved["signal"][i] = np.roll(stack["signal"].values[i], 1, axis=1)
    found = register(moved, threshold_px=0.0, max_shift_px=5)
    assert float(found["dx"][20] - found["dx"][3]) == pytest.approx(1.0, abs=0.2)
    view = RegistrationView(found, moved)
    np.testing.assert_allclose(view._dx.y, found["dx"])
    assert "px (root mean square)" in text_of(view.words.value)
    assert view.shown == "after"
    view.mode.value = "before"
    np.testing.assert_array_equal(view.map.values, moved["signal"][13])
    limits = view.map.clim
    view.mode.value = "blink"
    assert view.play.playing
    view.play.value = 1
    assert view.shown == "after"
    np.testing.assert_array_equal(view.map.values, found["signal"][13])
    assert view.map.clim == limits
    view.frame.value = 3
    assert view.session.state.energy_index == 3
    assert "703.00 eV" in text_of(view.now.value)
    assert view.session.state.error == ""
    view.close()


def test_a_stack_that_was_not_registered_says_so(data):
    view = RegistrationView(data[0])
    assert "register it first" in view.words.value
    assert view.mode.disabled
    view.close()


# -- card ----------------------------------------------------------------------------------------


def test_the_card_is_that_of_the_function(data):
    stack, maps, labels = data
    session = Session(stack, maps, labels=labels, runner=JobRunner(inline=True))
    view = CardView(session, draws=100)
    wanted = heterogeneity_card(maps, labels, variable="soc", draws=100)
    assert view.card.to_dict() == wanted.to_dict()
    assert wanted.verdict in text_of(view.content.value)
    roi = session.add_roi(Rectangle(0, 0, 0.8, 1.2))
    view.scope.value = "chosen"
    inside = int(session.roi_mask(roi).sum())
    assert "Of ROI 1" in text_of(view.content.value)
    assert view.card["n_pixels"].value <= inside
    session.select_particle(2)
    assert "Of particle 2" in text_of(view.content.value)
    assert view.card["n_pixels"].value == 150
    view.close()
    session.close()


def test_a_card_of_nothing_is_an_error_in_the_view_and_the_old_one_stays(data):
    session = Session(data[0], data[1], runner=JobRunner(inline=True))
    view = CardView(session, draws=100)
    shown = view.content.value
    view.scope.value = "chosen"
    assert "nothing is chosen" in view.runs.error.text
    assert view.content.value == shown
    view.close()


def test_a_card_is_cancelled_at_once_and_the_old_one_stays(data, monkeypatch):
    import socwidgets.heterogeneity.card as module

    session = Session(data[0], data[1])
    view = CardView(session, draws=100)
    view.follows.value = False
    assert view.runs.run().wait(PATIENCE_S)
    shown = view.content.value
    assert shown
    go = threading.Event()
    monkeypatch.setattr(module, "heterogeneity_card", lambda *a, **k: go.wait())
    job = view.runs.run()
    assert not view.runs.cancel.disabled
    view.runs.cancel.click()
    assert job.wait(PATIENCE_S)  # the work itself goes on
    go.set()
    assert job.state == JobState.CANCELLED
    assert view.content.value == shown
    assert "Cancelled" in text_of(view.runs.status.value)
    view.close()
    session.close()


def test_only_masks_the_rest(data):
    mask = np.zeros((24, 32), bool)
    mask[:3] = True
    assert int((only(data[1], mask)["status"] != 1).sum()) == 96


def test_abandonable_work_passes_on_results_and_errors():
    runner = JobRunner(inline=True)
    assert runner.submit("a", abandonable(lambda: 5)).result == 5

    def fails():
        raise ValueError("no")

    job = runner.submit("b", abandonable(fails))
    assert job.state == JobState.FAILED
    assert str(job.error) == "no"


def test_static_content_stands_in_where_no_widget_runs(data, states):
    import base64

    from socwidgets.widgets.particle_view import ParticleView
    from socwidgets.widgets.profile_view import ProfileView
    from socwidgets.widgets.scatter_view import ScatterView

    session = Session(data[0], data[1], labels=data[2], runner=JobRunner(inline=True))
    series = SeriesView(states, data[2])
    views = [ScatterView(session), ProfileView(session), RegistrationView(session), series]
    for view in views:
        bundle = view._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        png = base64.b64decode(bundle["image/png"])
        assert png.startswith(b"\x89PNG")
        assert len(png) < 120_000
    tables = [ParticleView(session), CardView(session, draws=100)]
    for view in tables:
        assert "<table" in view._repr_mimebundle_()["text/html"]
    for view in (*views, *tables):
        view.close()
