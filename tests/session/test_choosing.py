"""What a person chooses beside regions: particles, boxes, lines, states, stacks."""

from __future__ import annotations

import numpy as np
import pytest
import small_stack
import xarray as xr

from socwidgets.jobs import JobRunner
from socwidgets.model.errors import DataError, ParameterError, SchemaError
from socwidgets.session import Session, ValueBox


@pytest.fixture(scope="module")
def data():
    stack = small_stack.stack()
    return stack, small_stack.maps(stack)


@pytest.fixture
def labels(data):
    found = xr.zeros_like(data[1]["status"], dtype=np.int32)
    found[2:6, 3:8] = 1
    found[10:20, 15:30] = 2
    return found


@pytest.fixture
def session(data, labels):
    made = Session(*data, small_stack.references(), labels=labels, runner=JobRunner(inline=True))
    yield made
    made.close()


def test_a_particle_lights_up_and_a_click_chooses_it(session, labels):
    session.brush(0.2, 0.4)
    session.select_particle(2)
    assert session.state.brush is None
    np.testing.assert_array_equal(session.highlight(), labels.values == 2)
    x, y = float(labels["x"][4]), float(labels["y"][3])
    session.select_pixel(x, y)
    assert session.state.particle == 1
    session.select_pixel(float(labels["x"][0]), float(labels["y"][0]))
    assert session.state.particle is None
    assert session.highlight() is None
    with pytest.raises(ParameterError, match="no particle 7"):
        session.select_particle(7)


def test_the_table_is_of_the_chosen_quantity_and_kept(session, labels):
    table = session.particle_table()
    assert list(table.index) == [1, 2]
    inside = session.state.maps["soc"].values[labels.values == 2]
    assert abs(table.loc[2, "mean"] - inside.mean()) < 0.02  # weighted by thickness
    assert session.particle_table() is table
    session.select_map("status")
    assert session.quantity == "soc"
    fewer = labels.where(labels == 1, 0)
    session.set_labels(fewer)
    assert list(session.particle_table().index) == [1]
    session.set_labels(None)
    assert session.particle_table() is None


def test_wrong_labels_are_refused(session, labels):
    with pytest.raises(DataError, match="no particles"):
        session.set_labels(labels.astype(float))
    with pytest.raises(DataError, match="same pixels"):
        session.set_labels(labels[:5])


def test_a_box_highlights_pixels_by_two_values(session):
    maps = session.state.maps
    box = ValueBox("soc", "thickness", (0.2, 0.6), (0.9, 1.1))
    session.brush(0.0, 0.1)
    session.select_box(box)
    soc, thick = maps["soc"].values, maps["thickness"].values
    wanted = (soc >= 0.2) & (soc <= 0.6) & (thick >= 0.9) & (thick <= 1.1)
    np.testing.assert_array_equal(session.highlight(), wanted & (maps["status"] == 0).values)
    session.brush(0.0, 0.1)
    assert session.state.box is None
    with pytest.raises(ParameterError, match="no map 'sock'"):
        session.select_box(ValueBox("sock", "soc", (0, 1), (0, 1)))


def test_a_line_needs_two_ends(session):
    session.set_line((0, 0, 1, 1))
    assert session.state.line == (0.0, 0.0, 1.0, 1.0)
    with pytest.raises(ParameterError, match="two different ends"):
        session.set_line((1, 1, 1, 1))
    session.set_line(None)
    assert session.state.line is None


def test_states_of_a_series_replace_the_maps(data):
    stack, maps = data
    states = xr.concat([maps, maps.assign(soc=maps["soc"] + 0.1)], "state")
    stacks = xr.concat([stack, stack + 1.0], "state")
    session = Session(stack, maps, runner=JobRunner(inline=True))
    session.select_map("soc")
    session.set_series(states, stacks)
    session.brush(0.2, 0.4)
    before = session.displayed().values
    session.set_state(1)
    np.testing.assert_allclose(session.displayed().values, before + 0.1, rtol=1e-5)
    np.testing.assert_allclose(session.state.stack["signal"], stack["signal"] + 1.0)
    assert session.state.brush == (0.2, 0.4)
    with pytest.raises(ParameterError, match="no such state"):
        session.set_state(2)
    with pytest.raises(SchemaError, match="series of maps"):
        session.set_series(maps)
    session.close()


def test_another_stack_keeps_regions_and_drops_maps(session, data):
    from socwidgets.model.roi import Rectangle

    session.add_roi(Rectangle(0, 0, 1, 1))
    mean = session.roi_spectrum("ROI 1")["mean"]
    other = data[0].copy()
    other["signal"] = other["signal"] * 2
    session.set_stack(other, before=data[0])
    assert session.state.maps is None
    assert session.state.show_frame
    np.testing.assert_allclose(session.roi_spectrum("ROI 1")["mean"], 2 * mean, rtol=1e-6)
    with pytest.raises(DataError, match="same pixels"):
        session.set_stack(data[0].isel(x=slice(0, 5)))
