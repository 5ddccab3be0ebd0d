"""Over-charge with its guard, and the balance with the charge that passed."""

import numpy as np
import pytest
import xarray as xr
from small_particles import tile

from socwidgets.heterogeneity.limits.exceedance import exceedance, exceedance_map
from socwidgets.heterogeneity.limits.mass_balance import (
    mass_balance,
    passed_charge_ah,
    soc_from_charge,
)
from socwidgets.model.errors import DataError, KindError, ParameterError


def squares(rng, values, noise=0.05, size=14):
    fields = [(np.full((size, size), v), np.ones((size, size), bool)) for v in values]
    return tile(fields, noise, rng)


def test_a_map_at_its_limit_is_not_overcharged(rng):
    maps, labels = squares(rng, np.ones(25))
    found = exceedance(maps, labels)
    assert found.over.unguarded == pytest.approx(0.5, abs=0.03)
    assert found.over.share == pytest.approx(0.0228, abs=0.008)
    assert found.over.by_chance == pytest.approx(0.0228 * 0.5 + 0.01, abs=0.012)
    assert found.under.share == 0
    assert not found.under.significant


def test_planted_overcharge_is_found(rng):
    values = np.where(np.arange(36) < 9, 1.3, 0.6)
    maps, labels = squares(rng, values)
    found = exceedance(maps, labels, draws=300)
    assert found.over.share == pytest.approx(0.25, abs=0.005)
    assert found.over.mean_excess == pytest.approx(0.3, abs=0.005)
    assert found.over.significant
    assert found.over.interval.low < 0.25 < found.over.interval.high
    assert found.over.interval.std == pytest.approx(np.sqrt(0.25 * 0.75 / 36), rel=0.2)
    place = exceedance_map(maps)
    assert float((place == 1).sum() / np.isfinite(place).sum()) == pytest.approx(0.25, abs=0.005)
    assert [entry.name for entry in found.entries()] == ["f_over", "f_under"]
    under = exceedance(maps, labels, limits=(0.9, 2.0), draws=50)
    assert under.under.share == pytest.approx(0.75, abs=0.005)
    assert (exceedance_map(maps, limits=(0.9, 2.0)) == -1).sum() > 0


def test_without_noise_nothing_guards(rng):
    maps, labels = squares(rng, np.full(9, 1.2))
    bare = maps.drop_vars("soc_std")
    found = exceedance(bare, labels)
    assert np.isnan(found.over.share)
    assert found.over.unguarded > 0.99
    assert not found.over.significant
    assert np.isnan(exceedance_map(bare)).all()
    with pytest.raises(ParameterError, match="window"):
        exceedance(maps, labels, limits=(1, 0))
    with pytest.raises(ParameterError, match="guard"):
        exceedance_map(maps, guard=-1)


def test_charge_becomes_a_state_of_charge():
    time = np.linspace(0, 2, 201)
    charge = passed_charge_ah(0.5 * np.sin(np.pi * time / 2), time)
    assert charge[-1] == pytest.approx(0.5 * 4 / np.pi, rel=1e-4)
    soc, std = soc_from_charge(
        0.6, 2.0, 0.1, charge_std_ah=0.02, reversible_std_ah=0.1, start_std=0.01
    )
    assert soc == pytest.approx(0.4)
    assert std == pytest.approx(np.sqrt(0.01**2 + 0.01**2 + (0.3 * 0.05) ** 2))
    np.testing.assert_allclose(soc_from_charge([0.0, 1.0], 2.0)[0], [0.0, 0.5])
    with pytest.raises(ParameterError, match="above zero"):
        soc_from_charge(1.0, 0.0)
    with pytest.raises(DataError, match="rise"):
        passed_charge_ah([1, 1], [1, 0])
    with pytest.raises(DataError, match="do not fit"):
        passed_charge_ah([1], [1])


def test_balance_holds_and_breaks(rng):
    values = rng.normal(0.5, 0.1, 49)
    maps, labels = squares(rng, values)
    held = mass_balance(maps, values.mean(), 0.01, labels)
    assert abs(held.delta) < 0.005
    assert held.map_std == pytest.approx(0.1 / 7, rel=0.25)
    assert not held.mismatch
    assert "holds" in held.verdict
    broken = mass_balance(maps, values.mean() - 0.08, 0.01, labels, calibration_std=0.01)
    assert broken.mismatch
    assert broken.z == pytest.approx(broken.delta / np.hypot(broken.map_std, 0.01))
    assert "#b00020" in broken._repr_html_()
    assert "#b00020" not in held._repr_html_()
    assert broken.entries()[2].note.endswith("beyond 2 sigma")


def test_the_flag_is_rare_when_all_is_well(rng):
    flags = []
    for seed in range(60):
        values = rng.normal(0.5, 0.1, 25)
        maps, labels = squares(rng, values, size=8)
        charge = 0.5 + rng.normal(0, 0.02)
        flags.append(mass_balance(maps, charge, 0.02, labels, draws=200, seed=seed).mismatch)
    assert np.sum(flags) <= 8  # 2 sigma: 2.7 expected


def test_the_mean_is_that_of_the_material(rng):
    """A projected core: thick where it is discharged (golden G-40, r_c = 0.7937)."""
    y, x = np.indices((101, 101)) - 50.0
    b = np.hypot(y, x) / 48
    rc = 0.5 ** (1 / 3)
    half = np.sqrt(np.clip(1 - b**2, 0, None))
    soc = 1 - np.sqrt(np.clip(rc**2 - b**2, 0, None)) / np.where(half > 0, half, 1)
    inside = b < 1
    maps = xr.Dataset(
        {
            "soc": (("y", "x"), np.where(inside, soc, np.nan), {"kind": "soc"}),
            "soc_std": (("y", "x"), np.full(b.shape, 0.01)),
            "thickness": (("y", "x"), 2 * half),
        },
        {"y": np.arange(101) * 0.04, "x": np.arange(101) * 0.04},
    )
    found = mass_balance(maps, 0.5, 0.01)
    assert found.map_mean == pytest.approx(0.5, abs=0.003)
    assert found.pixel_mean == pytest.approx(0.6064, abs=0.006)
    assert found.weighted
    with pytest.raises(KindError, match="mass balance"):
        mass_balance(maps.assign(soc=maps.soc.assign_attrs(kind="fraction")), 0.5, 0.01)
    with pytest.raises(ParameterError, match="negative"):
        mass_balance(maps, 0.5, -0.01)
