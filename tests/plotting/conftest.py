import numpy as np
import pytest
import xarray as xr

from socwidgets.model.mapset import status_variable


@pytest.fixture
def coords():
    axis = np.arange(40) * 0.05
    return {"y": ("y", axis, {"units": "um"}), "x": ("x", axis, {"units": "um"})}


@pytest.fixture
def labels(coords):
    codes = np.zeros((40, 40), np.int32)
    codes[5:15, 5:20] = 1
    codes[20:35, 10:30] = 2
    return xr.DataArray(codes, coords, ("y", "x"))


@pytest.fixture
def soc(coords, labels):
    rng = np.random.default_rng(3)
    values = np.where(
        labels.values > 0, 0.3 * labels.values + rng.normal(0, 0.05, (40, 40)), np.nan
    )
    attrs = {"kind": "soc", "units": "1", "long_name": "State of charge"}
    return xr.DataArray(values, coords, ("y", "x"), name="soc", attrs=attrs)


@pytest.fixture
def status(coords, labels):
    codes = np.where(labels.values > 0, 0, 2)
    codes[:2] = 1
    codes[6, 6] = 6
    return xr.DataArray(status_variable(codes, ("y", "x")), coords)


@pytest.fixture
def fitted():
    energy = np.linspace(700.0, 730.0, 61)
    curve = np.exp(-0.5 * ((energy - 709) / 1.2) ** 2)
    names = {
        "data": curve + 0.9,
        "fit": curve + 0.89,
        "residual": np.full(61, 0.01),
        "background": np.full(61, 0.89),
        "component_LFP": 0.3 * curve,
        "component_FP": 0.7 * curve,
    }
    axis = ("energy", energy, {"units": "eV", "long_name": "Photon energy"})
    return xr.Dataset({k: ("energy", v) for k, v in names.items()}, {"energy": axis})
