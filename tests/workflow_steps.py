"""Steps of a workflow: one, all on `small_stack`, by their text; whether results are the same."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.jobs import JobState
from socwidgets.model.roi import Rectangle

#: A scan across the Ni K edge whose axis is too low by so much, eV.
K_EDGE, OFFSET = np.linspace(8280.0, 8400.0, 121), 1.4


def edge(energies, e0):
    """A step with a white line, as a foil and a cathode have it."""
    rise = 0.5 + np.arctan((energies - e0) / 0.9) / np.pi
    return 0.1 + rise * (1.0 + 0.2 * np.exp(-(((energies - e0 - 12.0) / 6.0) ** 2)))


def run(flow, name, inputs=None, params=None):
    """Result of one step, which must go well."""
    job = flow.start(name, inputs or {}, params or {})
    assert job.state == JobState.DONE, job.error
    return job.result


def done_by_program(flow, name, inputs, params, **given):
    """What the recorded text makes, in a space that knows only `given`."""
    space = dict(given)
    exec(flow.program(name, inputs, params), space)
    return space[flow.step(name).makes]


def through(flow, files, last="heterogeneity"):
    """Do every step up to `last` with an I0 from the empty rows."""
    path, references = files
    given = {
        "open": ({}, {"path": str(path)}),
        "references": ({}, {"files": references}),
        "optical_density": ({"i0": "ROI 1"}, {"noise": "poisson"}),
        "registration": ({}, {"threshold_px": 5.0}),
        "i0_offset": ({}, {"max_od": 2.5, "pre": (700.0, 703.0), "post": (720.0, 725.0)}),
        "pixels": ({}, {"min_jump": 0.1, "pre": (700.0, 703.0), "post": (720.0, 725.0)}),
        "method": ({"method": "lcf", "pixels": "edge"}, {"constraint": "none"}),
        "calibration": ({"by": "FP"}, {}),
        "segmentation": ({"of": "edge_jump"}, {"min_area_um2": 0.001}),
        "heterogeneity": ({}, {"draws": 100, "seed": 3}),
    }
    for name, (inputs, params) in given.items():
        if name == "optical_density":
            flow.session.add_roi(Rectangle(-1, -0.01, 5, 0.06))
        job = flow.start(name, inputs, params)
        assert job.state == JobState.DONE, job.error
        if name == last:
            return inputs, params
    raise AssertionError(last)


def same(a, b):
    if isinstance(a, xr.Dataset):
        for name in a.data_vars:
            np.testing.assert_array_equal(a[name].values, b[name].values)
        assert set(a.data_vars) == set(b.data_vars)
    elif isinstance(a, xr.DataArray):
        np.testing.assert_array_equal(a.values, b.values)
    else:
        assert a.to_dict() == b.to_dict()
