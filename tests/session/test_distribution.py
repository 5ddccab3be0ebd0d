"""Noise floor, mixture and states over the histogram: planted ones come back."""

from __future__ import annotations

import numpy as np
import pytest
import small_stack
import xarray as xr

from socwidgets.jobs import JobRunner
from socwidgets.model.mapset import status_variable
from socwidgets.session import Session
from socwidgets.session.distribution import mixture, noise_floor, other_states
from socwidgets.widgets.explorer import Explorer


@pytest.fixture
def app(rng):
    """Two phases at 0.2 and 0.8, 3:1, widths 0.05; noise of 0.03 is part of that."""
    stack = small_stack.stack(48, 64)
    charged = rng.random((48, 64)) < 0.25
    soc = np.where(charged, 0.8, 0.2) + rng.normal(0, 0.05, (48, 64))
    maps = xr.Dataset(
        {
            "soc": (("y", "x"), soc, {"kind": "soc", "units": "1", "long_name": "State of charge"}),
            "soc_std": (("y", "x"), np.full((48, 64), 0.03), {"units": "1"}),
            "status": status_variable(np.zeros((48, 64), np.uint8), ("y", "x")),
        },
        {"y": stack.y, "x": stack.x},
    )
    made = Explorer(Session(stack, maps, runner=JobRunner(inline=True)))
    yield made
    assert made.session.state.error == ""
    made.close()


def test_the_planted_phases_and_noise_are_found(app):
    found = mixture(app.session)
    assert found.means == pytest.approx((0.2, 0.8), abs=0.01)
    assert found.stds == pytest.approx((0.05, 0.05), abs=0.01)
    assert found.shares == pytest.approx((0.75, 0.25), abs=0.03)
    assert noise_floor(app.session).stds == pytest.approx((0.03,))
    x = np.linspace(-1, 2, 3001)
    assert found.percent(x, 0.001).sum() == pytest.approx(100.0, abs=0.1)


def test_layers_of_the_histogram_and_their_words(app):
    layers = app.histogram.layers
    layers.noise.value = layers.mixture.value = True
    assert "noise alone, σ 0.03" in layers.legend.value
    assert "75 % at 0.2" in layers.legend.value.replace("74 %", "75 %").replace("76 %", "75 %")
    assert layers._mixture.x.size > 200
    layers.noise.value = layers.mixture.value = False
    assert layers.legend.value == ""
    assert layers._noise.x.size == 0
    assert layers.states.disabled
    maps = app.session.state.maps
    series = xr.concat([maps, maps.assign(soc=maps["soc"] + 0.1)], "state")
    app.session.set_series(series)
    layers.states.value = True
    ((name, values),) = other_states(app.session)
    assert name == "state 1"
    np.testing.assert_allclose(np.sort(values), np.sort(maps["soc"].values.ravel() + 0.1))
    assert layers._states[0].x.size > 0
    # A frame has neither a noise nor states.
    app.session.show_frame(3)
    assert layers.noise.disabled
    assert noise_floor(app.session) is None
    assert other_states(app.session) == []
