"""Errors that all pixels share, and the drift of lines within a frame."""

import numpy as np
import pytest

from socwidgets.phantoms import lfp_ensemble, simulate_stxm, xanes_energies, xanes_references
from socwidgets.phantoms.expected import energy_error_std


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
    stated = energy_error_std(references, energies, error, [1 - soc, soc], [0.0, 1.0])
    # A standard deviation from 400 draws is known to 3.5 %.
    assert found.std() == pytest.approx(stated, rel=0.12)
    assert stated == pytest.approx(10 * energy_error_std(
        references, energies, error / 10, [1 - soc, soc], [0.0, 1.0]
    ))  # fmt: skip


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
