"""2-D XAFS: the row energies are measured on a uniform sample and taken out."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status
from socwidgets.phantoms.spectra import EDGES
from socwidgets.techniques.valence_classes import (
    class_fractions,
    reaction_front,
    valence_classes,
)
from socwidgets.techniques.xafs2d import (
    RowEnergyParameters,
    correct_row_energy,
    fit_row_energy,
    row_energy_step,
)

ENERGIES = np.concatenate([np.arange(6500, 6535, 5.0), np.arange(6535, 6566, 0.5),
                           np.arange(6568, 6620, 4.0)])  # fmt: skip
ROWS, COLUMNS, PIXEL, NOISE = 60, 40, 60.0, 0.01
#: 3.6 mm at 10 m from the source: 7.42 eV over the field (G-15).
SPAN = 7.42


@pytest.mark.parametrize(
    ("edge", "pixel_ev", "field_ev"),
    [
        (6539.0, 0.0103, 7.42),
        (7112.0, 0.0123, 8.85),
        (7709.0, 0.0145, 10.46),
        (8333.0, 0.0171, 12.28),
    ],
)
def test_golden_g15(edge, pixel_ev, field_ev):
    assert row_energy_step(edge, 0.5e-6) == pytest.approx(pixel_ev, abs=5e-5)
    assert row_energy_step(edge, 360e-6) == pytest.approx(field_ev, abs=5e-3)


def offsets():
    y = np.arange(ROWS) * PIXEL
    return SPAN * (y - y.mean()) / (y.max() - y.min() + PIXEL)


def camera(rng, soc, noise=NOISE):
    """Normalized stack of Mn2O3 (soc 0) and MnO2 (soc 1) with a row energy."""
    seen = ENERGIES[:, None] + offsets()[None, :]
    low, high = (EDGES[name](seen)[:, :, None] for name in ("Mn2O3", "MnO2"))
    signal = low + (high - low) * np.broadcast_to(soc, (ROWS, COLUMNS))
    signal = signal + rng.normal(0, noise, signal.shape)
    stack = make_stack(signal, ENERGIES, quantity="normalized", pixel_um=PIXEL)
    stack["signal_std"] = xr.full_like(stack.signal, noise).assign_attrs(stack.signal.attrs)
    return stack


def half_energy(stack):
    """Upward crossing of 0.5 of each row's mean spectrum, eV, by straight lines."""
    rows = stack.signal.mean("x").transpose("y", "energy").values
    axis, found = stack.energy.values, []
    for row in rows:
        i = int(np.argmax(row > 0.5))
        part = (0.5 - row[i - 1]) / (row[i] - row[i - 1])
        found.append(axis[i - 1] + part * (axis[i] - axis[i - 1]))
    return np.array(found)


@pytest.fixture(scope="module")
def model():
    return fit_row_energy(camera(np.random.default_rng(4), 0.0), band_rows=5)


def test_counts_are_no_spectrum_of_a_row(rng):
    with pytest.raises(DataError, match="quantity"):
        fit_row_energy(camera(rng, 0.0).assign_attrs(quantity="counts"))


def test_the_line_is_recovered_within_its_uncertainty(model):
    slope = SPAN / (ROWS * PIXEL)
    assert model.b == pytest.approx(slope, abs=max(4 * model.b_std, 0.002 * slope))
    assert np.ptp(model.shift(np.arange(ROWS) * PIXEL)) == pytest.approx(
        SPAN * (ROWS - 1) / ROWS, abs=0.1
    )
    assert model.residual_ev < 0.05
    left = model.shift(np.arange(ROWS) * PIXEL) - offsets()
    assert np.sqrt(np.mean((left - left.mean()) ** 2)) < 0.05
    assert abs(left.mean()) < 1e-6
    assert bool(model.table.used.all())


def test_a_false_gradient_appears_and_is_removed(model):
    """The sample is half charged everywhere: any slope along y is the camera's."""
    stack = camera(np.random.default_rng(5), 0.5)
    before = half_energy(stack)
    # A row that sees a higher energy shows its edge at a lower setting.
    assert before[0] - before[-1] == pytest.approx(SPAN, abs=0.6)
    corrected = correct_row_energy(stack, model)
    after = half_energy(corrected)
    slope = np.polyfit(np.arange(ROWS), after, 1)[0] * (ROWS - 1)
    assert abs(slope) < 0.1
    assert np.std(after) < 0.05
    assert corrected.energy.min() >= ENERGIES.min() + SPAN / 2 - 5.0
    assert corrected.attrs["row_energy_span_ev"] == pytest.approx(SPAN, rel=0.03)
    assert np.isfinite(corrected.signal).all()


def test_noise_follows_the_interpolation(model):
    rng = np.random.default_rng(6)
    noise = camera(rng, 0.0).signal - camera(rng, 0.0, noise=0.0).signal
    stack = camera(rng, 0.0)
    stack["signal"] = noise.assign_attrs(stack.signal.attrs)
    corrected = correct_row_energy(stack, model)
    pull = corrected.signal / corrected.signal_std
    assert float(pull.std()) == pytest.approx(1.0, abs=0.02)


def test_outliers_do_not_bend_the_line():
    stack = camera(np.random.default_rng(7), 0.0)
    broken = stack.copy(deep=True)
    broken.signal[:, 10:15] = camera(np.random.default_rng(8), 1.0).signal[:, 10:15]
    broken.signal[:, 30:35] = 0.0
    found = fit_row_energy(broken, band_rows=5)
    assert int((~found.table.used).sum()) == 2
    slope = SPAN / (ROWS * PIXEL)
    assert found.b == pytest.approx(slope, abs=max(4 * found.b_std, 0.003 * slope))


def test_bad_input(model):
    stack = camera(np.random.default_rng(9), 0.0)
    empty = stack.copy(deep=True)
    empty["signal"] = xr.zeros_like(stack.signal)
    with pytest.raises(DataError, match="edge"):
        fit_row_energy(empty, RowEnergyParameters(band_rows=20))
    with pytest.raises(DataError, match="no energies in common"):
        correct_row_energy(stack.isel(energy=slice(8, 20)), model)
    with pytest.raises(DataError, match="were taken out of this stack before"):
        correct_row_energy(correct_row_energy(stack, model), model)


def growing_spot(radius):
    y, x = np.mgrid[:50, :50].astype(float)
    inside = np.hypot(y - 24.5, x - 24.5) <= radius
    return xr.DataArray(
        np.where(inside, 6551.6, 6548.9),
        {"y": np.arange(50) * 10.0, "x": np.arange(50) * 10.0},
        dims=("y", "x"),
    )


def test_classes_and_the_growth_of_a_reaction_channel():
    radii = np.array([4.0, 8.0, 12.0, 16.0])
    maps = xr.concat([growing_spot(r) for r in radii], xr.Variable("time", 10.0 * np.arange(4)))
    maps[0, 0, 0] = np.nan
    maps[:, 0, 1] = 6550.2
    classes = valence_classes(maps, (6549.5, 6551.0))
    assert classes.dims == maps.dims
    assert int(classes[0, 0, 0]) == -1
    assert int(classes[0, 0, 1]) == 1
    table = class_fractions(classes)
    assert table[["low", "intermediate", "high"]].sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert table["high"].to_numpy() == pytest.approx(np.pi * radii**2 / 2500, rel=0.05)
    assert table["n"].tolist() == [2499, 2500, 2500, 2500]
    front = reaction_front(classes)
    assert front["center_y_um"].to_numpy() == pytest.approx(245.0, abs=1.0)
    # The root-mean-square radius of a disc is R / sqrt(2), the equivalent one is R.
    assert front["radius_um"].to_numpy() == pytest.approx(10.0 * radii, rel=0.03)
    assert front.attrs["speed"] == pytest.approx(4.0, rel=0.03)
    assert front["regions"].tolist() == [1, 1, 1, 1]


def test_thresholds_must_rise():
    with pytest.raises(DataError, match="thresholds"):
        valence_classes(growing_spot(5.0), (6551.0, 6549.0))


def test_status_travels(model):
    stack = camera(np.random.default_rng(3), 0.0)
    codes = np.zeros((ROWS, COLUMNS), np.uint8)
    codes[3, 4] = Status.MASKED
    stack["status"] = (("y", "x"), codes)
    assert int(correct_row_energy(stack, model).status[3, 4]) == Status.MASKED
