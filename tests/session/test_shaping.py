"""Regions grown, painted, combined and saved, by the session alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import small_stack
import xarray as xr

from socwidgets.jobs import JobRunner
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.roi import Area, Ellipse, Polygon, Rectangle, Threshold
from socwidgets.session import Session


@pytest.fixture
def session():
    stack = small_stack.stack()
    labels = xr.DataArray(np.zeros((24, 32), np.int32), dims=("y", "x"))
    labels[4:10, 3:9] = 1
    made = Session(
        stack, small_stack.maps(stack), small_stack.references(), labels=labels,
        runner=JobRunner(inline=True),
    )  # fmt: skip
    yield made
    made.close()


def test_a_region_grows_from_a_pixel_over_like_ones(session):
    roi = session.grow_roi(0.2, 0.5, 0.2)
    mask = session.roi_mask(roi)
    soc = session.state.maps["soc"]
    start = float(soc.sel(x=0.2, y=0.5, method="nearest"))
    assert float(abs(soc.where(mask) - start).max()) <= 0.2 + 1e-6
    # The left quarter of the phantom is discharged, with noise far below the tolerance.
    assert bool(mask[:, :8].all())
    assert not bool(mask[:, 20:].any())
    assert session.undo()
    assert session.state.rois == ()
    with pytest.raises(ParameterError, match="outside"):
        session.grow_roi(99.0, 0.5)


def test_painting_makes_extends_and_erases(session):
    roi = session.paint_roi([(0.3, 0.3), (0.6, 0.3)], 0.12)
    first = session.roi_mask(roi)
    session.paint_roi([(0.6, 0.3), (0.6, 0.8)], 0.12, roi.name)
    second = session.roi_mask("ROI 1")
    assert bool((first <= second).all())
    assert int(second.sum()) > int(first.sum())
    session.paint_roi([(0.3, 0.3), (0.6, 0.3)], 0.12, roi.name, erase=True)
    assert not bool((session.roi_mask("ROI 1") & first).any())
    assert session.paint_roi([(0.0, 0.6), (1.6, 0.6)], 2.0, roi.name, erase=True) is None
    assert session.state.rois == ()
    for _ in range(4):
        assert session.undo()
    assert session.state.rois == ()
    with pytest.raises(ParameterError, match="erase"):
        session.paint_roi([(0.3, 0.3)], 0.1, erase=True)
    with pytest.raises(DataError, match="no pixel"):
        session.paint_roi([(50.0, 50.0)], 0.1)


def test_combining_keeps_name_color_and_the_other(session):
    session.add_roi(Rectangle(0.1, 0.1, 0.8, 0.8), "a", "#123456")
    session.add_roi(Ellipse(0.8, 0.5, 0.3, 0.3), "b")
    a, b = session.roi_mask("a"), session.roi_mask("b")
    session.combine_roi("a", "b", "subtract")
    assert isinstance(session.roi("a").shape, Area)
    assert session.roi("a").color == "#123456"
    assert bool((session.roi_mask("a") == (a & ~b)).all())
    session.undo()
    session.combine_roi("a", Threshold("soc", -1.0, 0.3), "intersect")
    assert bool((session.roi_mask("a") == (a & (session.state.maps["soc"] <= 0.3))).all())
    with pytest.raises(ParameterError, match="no region"):
        session.combine_roi("a", "c")
    with pytest.raises(DataError, match="no pixel"):
        session.combine_roi("a", Rectangle(9, 9, 10, 10), "intersect")
    session.duplicate_roi("a")
    assert session.state.selected == "ROI 1"


def test_a_particle_becomes_a_region(session):
    roi = session.particle_roi(1)
    assert roi.name == "Particle 1"
    assert bool((session.roi_mask(roi) == (session.state.labels == 1)).all())
    with pytest.raises(DataError, match="no particle"):
        session.particle_roi(7)
    with pytest.raises(ParameterError, match="chosen"):
        session.particle_roi()


def test_regions_go_to_geojson_and_back_exactly(session):
    session.add_roi(Rectangle(0.1, 0.2, 0.8, 0.9), "box")
    session.add_roi(Ellipse(0.5, 0.5, 0.3, 0.2))
    session.add_roi(Polygon(((0.1, 0.1), (0.9, 0.1), (0.5, 0.7))))
    session.add_roi(Threshold("soc", 0.1, 0.4))
    session.paint_roi([(0.3, 0.3)], 0.2)
    before, text = session.state.rois, session.rois_to_geojson()
    kinds = [f["geometry"] and f["geometry"]["type"] for f in json.loads(text)["features"]]
    assert kinds == ["Polygon", "Polygon", "Polygon", None, "MultiPolygon"]
    plain = session.rois_to_json()
    session.clear_rois()
    session.load_rois(text)
    assert session.state.rois == before
    session.load_rois(plain)
    assert session.state.rois == before


def test_geojson_of_other_programs(session):
    square = [[0.1, 0.1], [0.6, 0.1], [0.6, 0.6], [0.1, 0.6], [0.1, 0.1]]
    hole = [[0.2, 0.2], [0.4, 0.2], [0.4, 0.4], [0.2, 0.4], [0.2, 0.2]]
    feature = {"type": "Feature", "properties": None,
               "geometry": {"type": "Polygon", "coordinates": [square, hole]}}  # fmt: skip
    session.load_rois(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    mask = session.roi_mask("ROI 1")
    outer = session.roi_mask(Rectangle(0.1, 0.1, 0.6, 0.6))
    inner = session.roi_mask(Rectangle(0.2, 0.2, 0.4, 0.4))
    assert abs(int(mask.sum()) - int(outer.sum()) + int(inner.sum())) <= 24
    assert not bool((mask & inner & session.roi_mask(Rectangle(0.24, 0.24, 0.36, 0.36))).any())
    for broken in ('{"type": "Feature"}', "[1]", "no", '{"type": "FeatureCollection", "features": '
                   '[{"geometry": {"type": "Point", "coordinates": [1, 2]}}]}'):  # fmt: skip
        with pytest.raises(ParameterError):
            session.load_rois(broken)
    assert len(session.state.rois) == 1
