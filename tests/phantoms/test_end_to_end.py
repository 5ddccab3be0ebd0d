"""Phantom -> counts -> optical density -> registration -> least squares: is the sigma honest?"""

import numpy as np
import pytest

from socwidgets.analysis.optical_density import optical_density
from socwidgets.analysis.registration import register
from socwidgets.model.references import align_references
from socwidgets.phantoms import expected_soc_std, lfp_ensemble, resolved_truth, simulate_stxm


def fit_soc(od, references):
    """Weighted least squares with both references, a constant and a slope: SOC, sigma, amount.

    Written out with normal equations, on purpose apart from the kernels of the package.
    """
    energies = od.energy.values
    spectra = align_references(references, od.energy).values
    design = np.stack([*spectra, np.ones_like(energies), (energies - 715) / 15], axis=1)
    data = od.signal.values.reshape(energies.size, -1).astype(float)
    seen = np.isfinite(data).all(axis=0)
    weights = 1 / od.signal_std.values.reshape(energies.size, -1)[:, seen].astype(float) ** 2
    covariance = np.linalg.inv(np.einsum("ei,ep,ej->pij", design, weights, design))
    right = np.einsum("ei,ep,ep->pi", design, weights, data[:, seen])
    lfp, fp = np.einsum("pij,pj->ip", covariance, right)[:2]
    amount, soc = lfp + fp, fp / (lfp + fp)
    gradient = np.stack([-soc, 1 - soc], axis=1) / amount[:, None]
    variance = np.einsum("pi,pij,pj->p", gradient, covariance[:, :2, :2], gradient)
    maps = np.full((3, seen.size), np.nan)
    maps[:, seen] = soc, np.sqrt(variance), amount
    return maps.reshape(3, *od.signal.shape[1:])


@pytest.mark.parametrize("seed", [0])
def test_soc_and_its_sigma_against_the_resolved_truth(seed):
    phantom = lfp_ensemble(seed=seed)
    od = optical_density(simulate_stxm(phantom, seed=seed))
    soc, sigma, amount = fit_soc(register(od), phantom.references)
    truth = resolved_truth(phantom)
    # Enough material (OD of the white line > 0.2): no erosion of the rims.
    used = (amount > 0.2) & np.isfinite(truth.soc.values)
    error, weight = (soc - truth.soc.values)[used], truth.thickness.values[used]
    pull = error / sigma[used]
    theory = expected_soc_std(phantom).values[used]
    assert used.sum() > 4000
    assert abs(np.average(error, weights=weight)) < 0.01
    assert abs(error.mean()) < 0.01
    assert np.sqrt(np.mean(error**2)) < 1.3 * np.sqrt(np.mean(theory**2))
    assert abs(pull.mean()) < 0.1
    assert 0.9 < pull.std() < 1.1

    # The test can fail: without registration the rims look like another state of charge.
    soc, sigma, amount = fit_soc(od, phantom.references)
    used = (amount > 0.2) & np.isfinite(truth.soc.values)
    assert np.std((soc - truth.soc.values)[used] / sigma[used]) > 1.5
