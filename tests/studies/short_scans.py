"""How far edge energies move when a scan ends early, on measured spectra that were cut.

Every spectrum that reaches 200 eV beyond its edge is cut at several distances; its energies by each
definition, with several curves beyond the edge, are compared with those of the whole scan, which
Larch's rules normalize. Prints the tables of ``docs/quantities/half_height.md``. No number of the
default was fitted to these spectra: its exponent is that of tables, its windows are Larch's.

    python tests/studies/short_scans.py ../shared/data
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from socwidgets.analysis.edge_position import half_rise
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.larch_rules import larch_defaults
from socwidgets.io import open_references
from socwidgets.model.errors import SocwidgetsError
from socwidgets.model.stack import make_stack

ENDS = (50, 60, 80, 100, 118, 135, 149, 200)
NAMES = ("half_energy", "half_wl_energy", "integral_energy", "centroid_energy",
         "white_line_energy", "white_line_height")  # fmt: skip
CENTROID = (-15.0, 25.0)
#: Curve beyond the edge, and where the scan begins.
RULES = {
    "default": ({}, -np.inf),
    "line": ({"post_degree": 1}, -np.inf),
    "constant": ({"post_degree": 0}, -np.inf),
    "default, begins at -30": ({}, -30.0),
    "fall, begins at -30": ({"post_exponent": 2.4}, -30.0),
}


def spectra(data: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, energies and absorption of what reaches far enough."""
    charge = np.load(data / "lno_operando" / "first_charge.npz")
    for row in (0, 57, 58, 115):
        yield f"LNO {row}", charge["energy_ev"].astype(float), charge["mu_norm"][row].astype(float)
    patterns = ("xas_library/*/*.xdi", "ni_k_references/ref_*.txt", "metal_foils/*foil*")
    for file in sorted(file for pattern in patterns for file in data.glob(pattern)):
        try:
            spectrum = open_references({file.stem: file}).isel(component=0)
            energies, mu = spectrum.energy.values, spectrum.values.astype(float)
            if energies[-1] > half_rise(energies, mu) + 200.0:
                yield file.stem, energies, mu
        except SocwidgetsError:
            continue


def energies_of(axis: np.ndarray, mu: np.ndarray, **options: object) -> np.ndarray:
    """One number per name; NaN where the windows hold too few points."""
    stack = make_stack(mu[:, None, None], axis, quantity="optical_density")
    common = {"centroid": CENTROID, "jump_sigma": 0.0, "derivative_points": 3}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            maps = fit_map(stack, "edge_energy", definition="all", **{**common, **options})
    except SocwidgetsError:
        return np.full(len(NAMES), np.nan)
    return np.array([float(maps[name][0, 0]) for name in NAMES])


def main(data: Path) -> None:
    """Print median and 90 % of the absolute differences."""
    moved: dict[tuple[str, int], list[np.ndarray]] = {}
    count = 0
    for _, axis, mu in spectra(data):
        e0 = half_rise(axis, mu)
        larch = larch_defaults(axis, e0).to_dict()
        larch = {
            k: larch[k] for k in ("pre", "post", "post_degree", "post_exponent", "window_rule")
        }
        whole = energies_of(axis, mu, e0=e0, **larch)
        count += 1
        for end in ENDS:
            for rule, (options, start) in RULES.items():
                kept = (axis <= e0 + end) & (axis >= e0 + start)
                found = energies_of(axis[kept], mu[kept], **options)
                moved.setdefault((rule, end), []).append(np.abs(found - whole))
    print(f"{count} spectra; median / 90 % of |cut - whole|")
    heads = "  ".join(f"{name.removesuffix('_energy'):>17s}" for name in NAMES)
    print(f"{'rule':22s}  end  {heads}")
    for (rule, end), rows in moved.items():
        middle, most = np.nanmedian(rows, axis=0), np.nanpercentile(rows, 90, axis=0)
        cells = "  ".join(f"{a:8.2f} /{b:7.2f}" for a, b in zip(middle, most, strict=True))
        print(f"{rule:22s} {end:4d}  {cells}  ({int(np.isnan(rows).sum())} missing)")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
