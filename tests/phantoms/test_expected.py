"""Errors that all pixels share, and the drift of lines within a frame."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from socwidgets.phantoms import lfp_ensemble, simulate_stxm, xanes_energies, xanes_references
from socwidgets.phantoms.common_errors import FitPlan, energy_errors, illumination_errors
from socwidgets.phantoms.fields import gaussian_field
from socwidgets.phantoms.optics import ILLUMINATION_PARTS


def fitted(references, data, energies):
    """Composition by least squares with both references, a constant and a slope."""
    spectra = references.interp(energy=energies, method="cubic").values
    rest = (energies - energies.mean()) / np.ptp(energies)
    design = np.stack([*spectra, np.ones_like(energies), rest], axis=1)
    c = np.linalg.lstsq(design, data.T, rcond=None)[0][:2]
    return c[1] / c.sum(axis=0)


@pytest.mark.parametrize("soc", [0.2, 0.7])
def test_error_of_the_energies_against_random_draws(soc):
    references = xanes_references({"Ni3+": "LiNiO2", "Ni4+": "Ni4+"})
    energies = np.asarray(xanes_energies("Ni"))
    rng = np.random.default_rng(1)
    error = 0.03
    wrong = energies + error * rng.standard_normal((400, energies.size))
    grid, pure = references.energy.values, references.values
    seen = np.stack([np.interp(wrong, grid, row) for row in pure])
    found = fitted(references, (1 - soc) * seen[0] + soc * seen[1], energies)
    plan = FitPlan(references, energies)
    stated = energy_errors(plan, error, [[1 - soc, soc]], [0.0, 1.0])
    # A standard deviation from 400 draws is known to 3.5 %.
    assert found.std() == pytest.approx(np.sqrt(np.sum(stated**2)), rel=0.12)
    tenth = energy_errors(plan, error / 10, [[1 - soc, soc]], [0.0, 1.0])
    assert stated == pytest.approx(10 * tenth)


def test_error_of_the_illumination_against_random_draws():
    references = xanes_references({"Ni3+": "LiNiO2", "Ni4+": "Ni4+"})
    energies, jump = np.asarray(xanes_energies("Ni")), 0.4
    rng = np.random.default_rng(2)
    inside = np.zeros((60, 60), bool)
    inside[28:32, 28:32] = True
    drift = np.cumsum(rng.normal(0, 0.3, (energies.size, 2)), axis=0)
    plan = FitPlan(references, energies)
    rows = plan.rows(np.tile([0.5, 0.5], (inside.sum(), 1)), [0.0, 1.0])
    stated = illumination_errors(rows, np.full(inside.sum(), jump), inside, drift, 0.01, draws=400)
    # The same by moving each field and fitting what is seen in the middle of the region.
    pure = references.interp(energy=energies, method="cubic").values.mean(axis=0)
    found = []
    for _ in range(400):
        field = gaussian_field(inside.shape, 60 / ILLUMINATION_PARTS, rng)
        seen = map_coordinates(field, 29.5 + drift.T, order=3)
        found.append(fitted(references, jump * pure[None] - 0.01 * seen[None], energies)[0])
    # Two standard deviations from 400 draws each; the drift is not infinitely small.
    assert np.std(found) == pytest.approx(float(stated.std()), rel=0.15)


def test_lines_drift_within_a_frame():
    phantom = lfp_ensemble(seed=1, size_px=64, n_particles=6, length_um=(0.3, 0.7))
    quiet = {"n0": 5e4, "drift_px": 0.0, "jitter_ev": 0.0, "illumination_drift": 0.0,
             "illumination": 0.0, "i0_variation": 0.0, "stray_light": 0.0, "read_noise": 0.0,
             "dark": 0.0, "energies_ev": (700.0, 708.2)}  # fmt: skip
    still, moved = (simulate_stxm(phantom, seed=1, **quiet, line_drift_px=d) for d in (0.0, 4.0))
    dark = [5e4 - s.signal.values[1].astype(float) for s in (still, moved)]
    mass = dark[0].sum(axis=1)
    full = np.flatnonzero(mass > 0.3 * mass.max())
    x = np.arange(64)
    shift = np.array([(d[full] * x).sum(axis=1) / d[full].sum(axis=1) for d in dark])
    planned = 4.0 * (full / 63 - 0.5)
    slope = np.polyfit(planned, shift[1] - shift[0], 1)[0]
    assert slope == pytest.approx(1.0, abs=0.15)
