"""Stray light: planted, taken out, its noise followed."""

import numpy as np
import pytest

from socwidgets.analysis.calibration import soc_map
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.stray_light import without_stray_light
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.stack import make_stack
from socwidgets.phantoms.spectra import fe_l3_references

ENERGIES = np.array([700.0, 702.0, 706.0, 707.0, 708.2, 709.2, 710.2, 712.0, 716.0, 725.0])
REFERENCES = fe_l3_references(np.arange(699.0, 730.0, 0.1))
SHARE = 0.02
COUNTS = 2e5


@pytest.fixture(scope="module")
def scan():
    """SOC ``(y, x)`` and the optical density that is seen with stray light, photon by photon."""
    rng = np.random.default_rng(11)
    soc = rng.choice([0.0, 1.0], (40, 40))
    lfp, fp = fe_l3_references(ENERGIES).values[:, :, None, None]
    light = (np.exp(-1.5 * (lfp * (1 - soc) + fp * soc)) + SHARE) / (1 + SHARE)
    counts = rng.poisson(COUNTS * light)
    od = -np.log(counts / COUNTS)
    return soc, make_stack(od, ENERGIES, quantity="optical_density", signal_std=counts**-0.5)


def test_pure_phases_are_pure_again(scan):
    soc, seen = scan
    slopes = {}
    for name, stack in (("seen", seen), ("corrected", without_stray_light(seen, SHARE))):
        maps = soc_map(fit_map(stack, "lcf", references=REFERENCES, background_degree=0))
        slopes[name] = np.polyfit(soc.ravel(), maps.soc.values.ravel(), 1)[0]
        pull = ((maps.soc - soc) / maps.soc_std).values
        if name == "corrected":
            # A residual of seven degrees of freedom: t has a standard deviation of 1.18.
            assert np.std(pull) == pytest.approx(1.2, abs=0.25)
    assert slopes["seen"] < 0.993
    assert slopes["corrected"] == pytest.approx(1.0, abs=0.001)


def test_the_noise_grows_by_as_much(scan):
    soc, seen = scan
    found = without_stray_light(seen, SHARE)
    lfp, fp = fe_l3_references(ENERGIES).values[:, :, None, None]
    pull = (found.signal - 1.5 * (lfp * (1 - soc) + fp * soc)) / found.signal_std
    assert float(pull.std()) == pytest.approx(1.0, abs=0.02)
    assert abs(float(pull.mean())) < 0.03
    assert float((found.signal_std / seen.signal_std).max()) > 1.05
    np.testing.assert_allclose(without_stray_light(seen, 0.0).signal, seen.signal, atol=1e-12)


def test_what_cannot_be_is_refused(scan):
    _, seen = scan
    for share in (-0.1, 1.0, np.nan):
        with pytest.raises(ParameterError, match="stray light"):
            without_stray_light(seen, share)
    with pytest.raises(DataError, match="another quantity"):
        without_stray_light(seen.assign_attrs(quantity="normalized"), SHARE)
    dark = seen.assign(signal=0.0 * seen.signal + 5.0)
    with pytest.raises(DataError, match="less light"):
        without_stray_light(dark, SHARE)
    assert bool(without_stray_light(seen, 0.4).signal.isnull().any())
