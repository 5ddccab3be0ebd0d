"""Measured foils and MBACK against numbers that xraylarch 2026.3.1 gave; no Larch is needed."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import least_squares
from scipy.special import erfc

from socwidgets.analysis.fit import fit_spectrum
from socwidgets.analysis.larch_rules import larch_defaults
from socwidgets.analysis.mback import normalize_mback, tabulated_absorption
from socwidgets.analysis.normalization import normalize
from socwidgets.analysis.scan_alignment import find_e0
from socwidgets.analysis.xanes_parameters import PreEdgeParameters
from socwidgets.model.errors import ParameterError
from socwidgets.model.stack import make_stack

ROWS = [20, 100, 150, 200, 300]
#: Foil, E0, the arguments of larch.xafs.pre_edge, edge step; pre_edge, post_edge, norm and flat at
#: `ROWS` and five points from the end. The quadratic post-edges reach to 1240 eV.
FOILS = [
    ("Ni", 8333.16, {}, 2.06115489263,
     [0.6724661724, 0.6549924113, 0.6527888645, 0.6505853177, 0.6461782241, 0.4440836383],
     [2.794363482, 2.722499583, 2.713538977, 2.704601186, 2.686794047, 1.968261577],
     [0.0001007381342, 0.01157270772, 0.2382769645, 0.6395087257, 0.9716236388, 0.7470565337],
     [0.0001007381342, 0.01157270772, 0.2384733497, 0.6429723299, 0.9815884743, 1.007578902]),
    ("Ni", 8333.16, {"pre": (-150, -40), "post": (100, 965)}, 2.11523016405,
     [0.6734209903, 0.6581081007, 0.6561770528, 0.654246005, 0.6503839093, 0.4732811061],
     [2.875589502, 2.782302486, 2.770837039, 2.759438471, 2.736841972, 1.988046509],
     [-0.000353238599, 0.009803875773, 0.2305836741, 0.6214292298, 0.9447960632, 0.7141547938],
     [-0.000353238599, 0.009803875773, 0.2308532325, 0.6261746698, 0.9583984132, 0.9980315895]),
    ("Fe", 7111.97, {}, 2.59717415127,
     [0.847406616, 0.8164524361, 0.8125766515, 0.808700867, 0.8009492979, 0.5703233466],
     [3.511136842, 3.421243204, 3.409750803, 3.398205705, 3.374957416, 2.586840183],
     [5.06422952e-05, 0.008491111643, 0.1563286566, 0.7027942407, 0.976824281, 0.7898210888],
     [5.06422952e-05, 0.008491111643, 0.1563286566, 0.7057471862, 0.9857439882, 1.013393819]),
    ("Fe", 7111.97, {"pre": (-150, -40), "post": (100, 640)}, 2.78082263114,
     [0.8479848356, 0.8184448703, 0.8147461601, 0.8110474499, 0.8036500295, 0.5835607678],
     [3.810242388, 3.618502496, 3.595568791, 3.572874137, 3.52820198, 2.63654365],
     [-0.0001606333106, 0.007213858679, 0.1452243782, 0.6555371178, 0.9113425692, 0.7329002116],
     [-0.0001606333106, 0.007213858679, 0.1452243782, 0.6623681698, 0.9315778335, 0.9946356206]),
    ("Mn", 6538.9911, {}, 1.38975785893,
     [-1.063524013, -1.169191014, -1.194824333, -1.294161509, -1.617541266, -2.41111968],
     [0.3857089061, 0.2188957828, 0.1796352573, 0.03193660723, -0.3998964942, -1.142010043],
     [0.0003670273943, 0.369465186, 0.9716174105, 0.9515362083, 0.8694460871, 0.9051072938],
     [0.0003670273943, 0.3706675984, 0.9826252766, 0.9973425638, 0.9932900259, 0.9919196986]),
    ("Co", 7709.34, {}, 1.48037928591,
     [0.6244106589, 0.6045167787, 0.6020586315, 0.5996004844, 0.5946841901, 0.3691901981],
     [2.159516065, 2.091393315, 2.083131991, 2.074905007, 2.058554057, 1.45622496],
     [0.0001373577092, 0.008738017597, 0.08041517354, 0.5568386659, 0.973527307, 0.7390148961],
     [0.0001373577092, 0.008738017597, 0.08041517354, 0.5602666817, 0.9846794617, 1.00472013]),
]  # fmt: skip


def test_golden_g11_the_copper_foil_of_larch():
    """Everything that Larch's rules choose, and what comes of it, to all digits that are printed.

    The numbers are those in the documentation of Larch's Rust port, which was made to agree.
    """
    energies, mu = np.loadtxt(Path(__file__).parent / "data" / "cu_foil_10k.txt").T
    assert energies.size == 612
    e0 = find_e0(xr.DataArray(mu, {"energy": energies}, "energy"))
    assert e0 == pytest.approx(8977.58, abs=1e-6)
    chosen = larch_defaults(energies, e0)
    assert (chosen.pre, chosen.pre_degree, chosen.post_degree) == ((-180.0, -90.0), 1, 2)
    assert chosen.post == pytest.approx((25.0, 2384.89), abs=1e-9)
    stack = make_stack(mu[:, None, None], energies, quantity="optical_density")
    flat = normalize(stack, chosen)
    assert float(flat.edge_jump[0, 0]) == pytest.approx(2.29875228, abs=6e-9)
    np.testing.assert_allclose(
        flat.signal.values[[150, 600], 0, 0], [1.07757587, 0.99354851], atol=6e-9
    )
    raised = normalize(stack, chosen, flatten=False).signal.values[[100, 150], 0, 0]
    np.testing.assert_allclose(raised, [0.29135526, 1.07045523], atol=6e-9)


@pytest.mark.realdata
@pytest.mark.parametrize(("foil", "e0", "changes", "step", "pre", "post", "norm", "flat"), FOILS)
def test_measured_foils_are_normalized_as_larch_does(
    shared_data, foil, e0, changes, step, pre, post, norm, flat
):
    """Four foils with other windows and degrees than that of copper (G-11)."""
    path = shared_data / "metal_foils" / f"{foil} foil {foil} K.dat"
    energies, mu = np.loadtxt(path, usecols=(0, 1)).T
    rows = [*ROWS, energies.size - 5]
    chosen = larch_defaults(energies, e0).replace(**changes)
    stack = make_stack(mu[:, None, None], energies, quantity="optical_density")
    made = normalize(stack, chosen)
    assert float(made.edge_jump[0, 0]) == pytest.approx(step, abs=1e-6)
    np.testing.assert_allclose(made.signal.values[rows, 0, 0], flat, atol=1e-6)
    raised = normalize(stack, chosen, flatten=False).signal.values[rows, 0, 0]
    np.testing.assert_allclose(raised, norm, atol=1e-6)
    before, beyond = _curves(energies, mu, chosen)
    np.testing.assert_allclose(before[rows], pre, atol=1e-6)
    np.testing.assert_allclose(beyond[rows], post, atol=1e-6)


def _curves(energies, mu, chosen):
    """Pre- and post-edge curve ``(energy,)`` from the coefficients that a map would hold."""
    wanted = PreEdgeParameters.from_mapping(
        {k: v for k, v in chosen.to_dict().items() if k != "flatten"}
    )
    spectrum = xr.DataArray(mu, {"energy": energies}, "energy")
    found = json.loads(fit_spectrum(spectrum, "pre_edge", wanted).attrs["results"])
    value = {name: entry["value"] for name, entry in found.items()}
    away = energies - energies[np.argmin(np.abs(energies - chosen.e0))]
    before = value["pre_edge_0"] + value["pre_edge_1"] * away
    bend = sum(value[f"post_edge_{k}"] * away**k for k in range(1, chosen.post_degree + 1))
    return before, before + value["edge_jump"] + bend


GRID = np.concatenate(
    [np.arange(8200.0, 8330.0, 10), np.arange(8330.0, 8356.0), np.arange(8360.0, 8631.0, 10)]
)
E0, WINDOWS = 8344.0, {"e0": 8344.0, "pre_end": -44.0, "post_start": 56.0}
NI_KA1 = 7480.3


def mu(energies):
    """An edge with a white line on a falling background."""
    step = 0.5 + np.arctan((energies - 8344.3) / 1.8) / np.pi
    line = 0.6 * np.exp(-0.5 * ((energies - 8352.2) / 2.3) ** 2)
    beyond = 1 - 2e-4 * np.maximum(energies - 8333, 0)
    return 0.4 - 2e-4 * (energies - 8333) + 0.8 * (step + line) * beyond


def table(energies):
    """A step with the slopes of an atom, as tables have it."""
    fall = (energies / 8343.0) ** -2.8
    return np.where(energies < 8343.0, 38.0 * fall, 290.0 * fall)


def unit_step():
    """Line under the table before the edge, and its step: what puts ours on the scale 0 to 1."""
    before, beyond = GRID <= E0 - 44, GRID >= E0 + 56
    line = np.polyval(np.polyfit(GRID[before] - E0, table(GRID)[before], 1), GRID - E0)
    after = np.polyfit(GRID[beyond] - E0, (table(GRID) - line)[beyond], 1)
    return line, after[-1]


#: Degree, scale of the data and matched spectrum of larch.xafs.mback with this table for f''.
MBACK = [
    (1, 323.33979842906456,
     [40.64076159, 38.98966295, 53.48741826, 254.8422206, 283.1917078, 278.1953496, 263.5508543]),
    (2, 322.4616645639341,
     [40.27421227, 39.00788411, 53.93928182, 254.7862542, 283.1364663, 278.2968644, 263.2626953]),
]  # fmt: skip


@pytest.mark.parametrize(("degree", "scale", "matched"), MBACK)
def test_mback_matches_the_table_as_larch_does(degree, scale, matched):
    stack = make_stack(mu(GRID)[:, None, None], GRID, quantity="optical_density")
    found = normalize_mback(stack, table(GRID), degree=degree, **WINDOWS)
    line, step = unit_step()
    assert step / float(found.edge_jump[0, 0]) == pytest.approx(scale, rel=1e-8)
    rows = [0, 5, 20, 30, 40, 50, 66]
    ours = (found.signal.values[:, 0, 0] * step + line)[rows]
    np.testing.assert_allclose(ours, matched, rtol=1e-8)


def weng_cost(parameters, measured, degree, width):
    """Residuals as Weng, Waldo and Penner-Hahn (2005) state them: one scale, one background."""
    scale, height, *background = parameters
    away = (GRID - E0) / 100.0
    matched = scale * measured - sum(c * away**k for k, c in enumerate(background))
    matched = matched - height * erfc((GRID - NI_KA1) / width)
    sides = (GRID <= E0 - 44, GRID >= E0 + 56)
    return np.concatenate([(table(GRID) - matched)[s] / np.sqrt(s.sum()) for s in sides])


@pytest.mark.parametrize(("degree", "width"), [(1, 500.0), (2, 800.0)])
def test_mback_with_an_emission_line_is_the_minimum_of_the_published_cost(rng, degree, width):
    tail = 0.3 * erfc((GRID - NI_KA1) / width)
    measured = mu(GRID) + tail + rng.normal(0, 2e-3, GRID.size)
    stack = make_stack(measured[:, None, None], GRID, quantity="optical_density")
    options = {"emission_ev": NI_KA1, "width_ev": width, "degree": degree, **WINDOWS}
    found = normalize_mback(stack, table(GRID), **options)
    start = [300.0, 0.0, *[0.0] * (degree + 1)]
    oracle = least_squares(
        weng_cost, start, args=(measured, degree, width), x_scale="jac",
        ftol=1e-15, xtol=1e-15, gtol=1e-15,
    )  # fmt: skip
    line, step = unit_step()
    assert step / float(found.edge_jump[0, 0]) == pytest.approx(oracle.x[0], rel=1e-6)
    scale, height, *background = oracle.x
    matched = scale * measured - height * erfc((GRID - NI_KA1) / width)
    matched -= sum(c * ((GRID - E0) / 100.0) ** k for k, c in enumerate(background))
    ours = found.signal.values[:, 0, 0] * step + line
    np.testing.assert_allclose(ours, matched, rtol=1e-6)
    plain = normalize_mback(stack, table(GRID), degree=degree, **WINDOWS)
    assert np.abs(plain.signal.values - found.signal.values).max() > 1e-4


#: mu_chantler("Ni", ...) of xraydb 4.5.8, cm2/g.
CHANTLER = {8200: 44.97440195, 8300: 45.12381706, 8340: 328.2993387, 8400: 329.9032852,
            8600: 308.542622}  # fmt: skip


def stand_in():
    """xraydb with the recorded values at the recorded energies."""
    return SimpleNamespace(
        xray_edge=lambda element, edge: SimpleNamespace(energy={"Ni": 8333.0}[element]),
        mu_chantler=lambda element, energies: [CHANTLER[int(e)] for e in energies],
    )


def test_tabulated_absorption_comes_from_xraydb(monkeypatch):
    axis = np.array(sorted(CHANTLER), float)
    monkeypatch.setitem(sys.modules, "xraydb", stand_in())
    assert tabulated_absorption("Ni", axis) == pytest.approx(list(CHANTLER.values()))
    with pytest.raises(ParameterError, match="K edge of Ni is not in these energies"):
        tabulated_absorption("Ni", axis[2:])
    monkeypatch.setitem(sys.modules, "xraydb", None)
    with pytest.raises(ParameterError, match="pip install xraydb"):
        tabulated_absorption("Ni", axis)


def test_the_recorded_values_are_xraydbs():
    axis = np.array(sorted(CHANTLER), float)
    assert tabulated_absorption("Ni", axis) == pytest.approx(list(CHANTLER.values()), rel=1e-6)
    made = make_stack(mu(GRID)[:, None, None], GRID, quantity="optical_density")
    found = normalize_mback(made, tabulated_absorption("Ni", GRID), **WINDOWS)
    assert float(found.edge_jump[0, 0]) == pytest.approx(0.8, abs=0.03)
