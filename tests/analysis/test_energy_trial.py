"""Plans tried on scans that have all energies: noise as promised, misfit as planted, a real one."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import socwidgets as soc
from socwidgets.analysis.decomposition import pca
from socwidgets.analysis.energy_trial import try_energies
from socwidgets.analysis.fit import fit_map
from socwidgets.model.errors import DataError
from socwidgets.model.stack import make_stack
from socwidgets.phantoms.spectra import fe_l3_references
from socwidgets.techniques.stxm import prepare_stxm

L3 = np.arange(700.0, 726.0, 0.5)
REFERENCES = fe_l3_references(np.arange(698.0, 728.0, 0.1))
SHAPE = (60, 60)
#: Of a standard deviation from the quartiles of that many pixels, relative.
ROUGH = 1.17 / (2 * SHAPE[0] * SHAPE[1]) ** 0.5


def scanned(rng, fraction, third=0.0, counts=2000.0, noise=True):
    """Optical density of a field, counted photon by photon."""
    spectra = [np.interp(L3, REFERENCES.energy.values, v)[:, None, None] for v in REFERENCES.values]
    od = 0.8 * ((1 - fraction) * spectra[0] + fraction * spectra[1])
    od = od + third * np.exp(-(((L3 - 709.1) / 0.8) ** 2))[:, None, None]
    std = np.sqrt((np.exp(od) + 0.1) / counts)
    if noise:
        flats = rng.poisson(10 * counts * np.ones(od.shape)) / 10
        od = -np.log(rng.poisson(counts * np.exp(-od)) / flats)
    stack = make_stack(od, L3, quantity="optical_density", pixel_um=0.04)
    stack["signal_std"] = (stack.signal.dims, std)
    return stack


def test_the_promise_is_kept_for_every_number_of_energies(rng):
    fraction = np.clip(rng.normal(0.5, 0.15, SHAPE), 0.0, 1.0)
    stack = scanned(rng, fraction)
    table = try_energies(stack, REFERENCES, (5, 6, 7, 8, 10, 14, 20, 30, 45))
    np.testing.assert_allclose(table.sigma_fit, table.sigma, rtol=0.05)
    assert (np.diff(table.sigma) < 0).all()
    assert table.attrs["redchi"] == pytest.approx(1.0, abs=0.05)
    for row in table.itertuples():
        # Weighted by the noise, as the plan supposes; without weights it is as good within 2 %.
        for weighting in ("noise", "none"):
            few = fit_map(
                stack.sel(energy=list(row.energies)), "lcf", references=REFERENCES,
                constraint="none", weighting=weighting,
            )  # fmt: skip
            found = float((few.fraction_FP_free - fraction).std())
            assert found == pytest.approx(row.sigma, rel=0.05)
        assert abs(row.bias) < 4 * 1.25 * row.sigma / fraction.size**0.5
    few = table[table["count"] <= 14]
    # Three compositions stand for the whole distribution: 3 %.
    np.testing.assert_allclose(few.scatter, few.scatter_noise, rtol=4 * ROUGH + 0.03)
    assert (few.misfit < 0.3 * few.sigma).all()


def test_what_the_references_miss_shows_as_misfit(rng):
    """A third phase of varying amount: the maps differ by more than noise, by as much as they do
    without noise."""
    fraction = np.full(SHAPE, 0.5)
    third = rng.uniform(0.0, 0.6, SHAPE)
    noisy, clean = (scanned(rng, fraction, third, 2e5, noise) for noise in (True, False))
    table = try_energies(noisy, REFERENCES, range(5, 15))
    options = {"references": REFERENCES, "constraint": "none", "weighting": "noise"}
    every = fit_map(clean, "lcf", **options).fraction_FP_free
    seen = 0
    for row in table.itertuples():
        part = clean.sel(energy=list(row.energies))
        without = (fit_map(part, "lcf", **options).fraction_FP_free - every).values
        spread = 0.7413 * np.subtract(*np.percentile(without, [75, 25]))
        assert row.bias == pytest.approx(np.median(without), abs=0.002)
        if spread > 2 * row.scatter_noise:
            seen += 1
            # The quartiles of a Gaussian and a nearly even distribution do not add in quadrature.
            assert row.misfit == pytest.approx(spread, rel=0.15)
    assert seen >= 2
    assert table.attrs["redchi"] > 3


def test_one_plan_for_all_images_of_a_volume_or_series(rng):
    fraction = np.clip(rng.normal(0.5, 0.15, SHAPE), 0.0, 1.0)
    one = scanned(rng, fraction)
    layers = [one.isel(y=slice(i, i + 20)).assign_coords(y=one.y[:20]) for i in (0, 20, 40)]
    volume = xr.concat(layers, xr.DataArray([0.0, 0.1, 0.2], dims="z", name="z"))
    pd.testing.assert_frame_equal(
        try_energies(volume, REFERENCES, (5, 8)), try_energies(one, REFERENCES, (5, 8))
    )
    seen = xr.zeros_like(volume.signal[:, 0], dtype=bool)
    seen[1] = True
    assert try_energies(volume, REFERENCES, [5], mask=seen).attrs["n_pixels"] == 20 * 60


def test_the_background_of_the_trial_is_the_one_asked_for(rng):
    """What is left of a shell far below falls as E^-3; a straight line leaves a misfit."""
    stack = scanned(rng, np.full(SHAPE, 0.5), counts=2e5)
    stack["signal"] = stack.signal + 40.0 * (stack.energy / 700.0) ** -3
    line, shell = (
        try_energies(stack, REFERENCES, [8], background_law=law) for law in ("line", "E^-3")
    )
    assert shell.attrs["redchi"] == pytest.approx(1.0, abs=0.05)
    assert line.attrs["redchi"] > 3.0


def test_stacks_that_cannot_be_tried(rng):
    stack = scanned(rng, np.full(SHAPE, 0.5))
    with pytest.raises(DataError, match="known noise"):
        try_energies(stack.drop_vars("signal_std"), REFERENCES, [6])
    with (
        pytest.warns(UserWarning, match="no pixel"),
        pytest.raises(DataError, match="too few pixels"),
    ):
        try_energies(stack, REFERENCES, [6], mask=xr.zeros_like(stack.signal[0], dtype=bool))


@pytest.mark.realdata
def test_the_als_stack_shows_its_misfit_beside_the_noise(shared_data):
    """Promised and stated sigma agree for any number; the residual has five times the variance of
    the noise, which few energies turn into up to twice the scatter of the noise, and a bias."""
    folder = shared_data / "als_stxm_fe"
    od = prepare_stxm(soc.optical_density(soc.open_stack(folder / "71214098.hdr")))
    files = {"Fe(II)": folder / "reduced.t", "Fe(III)": folder / "oxidized.t"}
    references = soc.open_references(files)
    thick = (soc.edge_jump(od).edge_jump > 0.15) & (od.status == 0)
    od = od.sel(energy=slice(references.energy.min(), references.energy.max()))
    od["signal_std"] = xr.full_like(od.signal, pca(od, mask=thick).attrs["noise_std"])
    table = try_energies(od, references, (5, 6, 7, 8, 10, 12, 16, 20, 30, 50, 80), mask=thick)
    assert table.attrs["n_pixels"] == int(thick.sum())
    assert table.attrs["redchi"] == pytest.approx(5.0, abs=0.5)
    np.testing.assert_allclose(table.sigma_fit, table.sigma, rtol=0.15)
    more = table[table["count"] > 6]
    np.testing.assert_allclose(more.sigma_fit, more.sigma, rtol=0.07)
    few = table[table["count"] <= 30]
    assert (few.scatter > 1.4 * few.scatter_noise).all()
    assert few.misfit.between(0.015, 0.06).all()
    assert (table.correlation > 0.94).all()
