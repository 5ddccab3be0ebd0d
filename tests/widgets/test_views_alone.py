"""Every view alone, of what users have: odd maps are shown, wrong ones are refused in words."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import small_stack
import xarray as xr

from socwidgets.model.errors import DataError, ParameterError, SocwidgetsError
from socwidgets.widgets.calibration_view import CalibrationView
from socwidgets.widgets.card_view import CardView
from socwidgets.widgets.histogram_view import HistogramView
from socwidgets.widgets.map_link import LinkedMap
from socwidgets.widgets.particle_view import ParticleView
from socwidgets.widgets.profile_view import ProfileView
from socwidgets.widgets.registration_view import RegistrationView
from socwidgets.widgets.scatter_view import ScatterView
from socwidgets.widgets.series_view import SeriesView
from socwidgets.widgets.spectrum_view import SpectrumView
from socwidgets.widgets.volume_view import VolumeView

OF_MAPS = (LinkedMap, HistogramView, ScatterView, ProfileView, ParticleView, CardView)
OF_SERIES = (SeriesView, VolumeView)


def soc(values, step=0.05, units="um"):
    values = np.asarray(values)
    axes = {
        d: (d, np.arange(n) * step, {"units": units})
        for d, n in zip("yx", values.shape, strict=True)
    }
    coords = axes if step else None
    return xr.DataArray(values, coords, ("y", "x"), "soc", {"kind": "soc"})


def with_holes():
    values = np.random.default_rng(0).random((20, 30))
    values[2:4, 5] = np.inf
    values[7, 7] = -np.inf
    return values


RNG = np.random.default_rng(1)
ODD = {
    "all nan": soc(np.full((12, 15), np.nan)),
    "one pixel": soc([[0.4]]),
    "a strip": soc(RNG.random((3, 400))),
    "one row": soc(RNG.random((1, 30))),
    "constant": soc(np.full((12, 15), 0.5)),
    "whole numbers": soc(RNG.integers(0, 9, (12, 15))),
    "yes and no": soc(RNG.random((12, 15)) > 0.5),
    "infinite": soc(with_holes()),
    "x before y": soc(RNG.random((12, 15))).T,
    "without coordinates": soc(RNG.random((12, 15)), step=0),
}
WRONG = {
    "an array": (np.ones((4, 5)), "xr.DataArray"),
    "complex": (soc(np.ones((4, 5)) * 1j), "real numbers"),
    "empty": (soc(np.ones((0, 5))), "at least one pixel"),
    "crooked": (soc(np.ones((4, 3))).assign_coords(x=[0.0, 0.2, 0.1]), "monotonic"),
    "other dims": (soc(np.ones((4, 5))).rename(y="row"), "lack y or x"),
    "seconds": (soc(np.ones((4, 5)), units="s"), "cannot convert"),
}


def labels_of(values):
    ny, nx = values.sizes["y"], values.sizes["x"]
    labels = np.zeros((ny, nx), np.int32)
    labels[: max(1, ny // 2), : max(1, nx // 2)] = 1
    labels[ny // 2 + 1 :, nx // 2 + 1 :] = 2
    return xr.DataArray(labels, dims=("y", "x"))


def made(view, values):
    if view in OF_SERIES:
        values = xr.concat([values, values + 1], "step", combine_attrs="override")
    more = {"labels": labels_of(values)} if view in (ProfileView, ParticleView, SeriesView) else {}
    return view(values, **more)


@pytest.mark.parametrize("view", [*OF_MAPS, *OF_SERIES])
@pytest.mark.parametrize("values", ODD.values(), ids=ODD)
def test_an_odd_map_is_shown(view, values, caplog):
    with caplog.at_level(logging.WARNING, "socwidgets"):
        shown = made(view, values)
        assert shown.session.state.error == ""
        if values is ODD["all nan"]:
            shown.static()
        shown.close()
    assert caplog.records == []


@pytest.mark.parametrize("view", [*OF_MAPS, *OF_SERIES])
@pytest.mark.parametrize(("values", "words"), WRONG.values(), ids=WRONG)
def test_what_is_no_map_is_refused_in_words(view, values, words):
    if view in OF_SERIES and isinstance(values, xr.DataArray):
        values = xr.concat([values, values], "step", combine_attrs="override")
    with pytest.raises(SocwidgetsError, match=words):
        view(values)


@pytest.mark.parametrize("view", OF_MAPS)
def test_a_series_is_sent_to_the_views_of_series(view):
    series = xr.concat([soc(np.eye(3)), soc(np.eye(3))], "step")
    with pytest.raises(DataError, match=r"isel\(step=0\).*SeriesView"):
        view(series)


@pytest.mark.parametrize("view", [SpectrumView, RegistrationView])
def test_spectra_and_frames_need_a_stack(view):
    with pytest.raises(DataError, match="need a stack"):
        view(soc(np.eye(3)))


def test_a_calibration_needs_something_to_calibrate():
    with pytest.raises(ParameterError, match="energy or ratio"):
        CalibrationView(soc(np.eye(3)))


def test_spectra_and_histogram_alone():
    stack = small_stack.stack()
    spectra = SpectrumView(stack, small_stack.references())
    assert spectra.fitted is not None
    assert float(abs(spectra.fitted["residual"]).max()) < small_stack.NOISE
    assert spectra._y_axis.label == "Optical density"
    assert spectra.static()["image/png"]
    spectra.close()
    histogram = HistogramView(small_stack.maps(stack))
    assert histogram._x_axis.label == "State of charge"
    histogram.close()


def test_a_map_alone_keeps_the_regions_that_are_drawn():
    from socwidgets.model.roi import Rectangle

    alone = LinkedMap(small_stack.maps(small_stack.stack()))
    alone.map.draw(Rectangle(0.1, 0.1, 0.5, 0.6))
    assert [roi.name for roi in alone.session.state.rois] == ["ROI 1"]
    assert alone.map.rois[0]["name"] == "ROI 1"
    assert alone.map.can_undo
    alone.close()


def test_lengths_are_um_whatever_the_unit_and_pixels_are_said_to_be_pixels():
    in_nm = ProfileView(soc(RNG.random((4, 5)), step=50, units="nm"))
    assert in_nm.ends[2].value == pytest.approx(0.2)
    assert "in pixels" not in "".join(getattr(c, "value", "") or "" for c in in_nm.children[:5])
    bare = ProfileView(soc(RNG.random((4, 5)), step=0))
    assert any("counted in pixels" in str(getattr(c, "value", "")) for c in bare.children)
    for view in (in_nm, bare):
        view.close()


def test_a_volume_begins_in_its_middle():
    values = xr.DataArray(np.zeros((9, 4, 5)), dims=("z", "y", "x"), name="soc")
    view = VolumeView(values)
    assert view.sliders["z"].value == 4
    view.close()


def test_a_mean_and_its_sigma_end_at_the_same_decimal():
    from socwidgets.widgets.table import error_digits

    data = small_stack.maps(small_stack.stack())
    view = ParticleView(data, labels_of(data))
    digits = {c["name"]: c["digits"] for c in view.table.columns}
    assert digits["mean"] == digits["mean_std"] >= 3
    view.close()
    assert error_digits(np.array([np.nan, 0.0])) == 0
    assert error_digits(np.array([0.0006, 0.0007])) == 4
