"""How well the stated uncertainties of the measures of an edge are calibrated.

Run by hand: ``python tests/studies/sigma_of_measures.py docs/sigma_of_measures.md``. For every
measure and noise, 10,000 pixels of one spectrum get noise, and (estimate - exact)/sigma is looked
at, where exact is the same measure of the spectrum without noise.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xarray as xr

from socwidgets.analysis.fit import fit_map
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack
from socwidgets.phantoms.spectra import EDGES, fe_l3_references
from socwidgets.techniques.stxm_soc import polar_soc, two_energy_soc

GRID = np.r_[np.arange(8200, 8321, 10.0), np.arange(8330, 8356, 1.0), np.arange(8360, 8631, 10.0)]
L3 = np.array([700.0, 702.0, 706.0, 708.2, 710.2, 716.0, 725.0])
NOISES = (0.005, 0.01, 0.02, 0.05)
#: Photons per pixel in the flat; numbers above one are this instead of a noise.
PHOTONS = (20000.0, 2000.0)
SIZE = 100
EDGE = {"e0": 8345.0, "pre": (-120, -20), "post": (40, 290), "center": 8351.0, "half_width": 3.0}
DEFINITIONS = ("half", "half_wl", "integral", "centroid", "white_line", "derivative")


def noisy(spectrum: np.ndarray, axis: np.ndarray, noise: float, known: bool, size: int):
    """Stack ``(energy, size, size)`` of one spectrum with noise, or from counted photons."""
    rng = np.random.default_rng(11)
    exact = np.broadcast_to(spectrum[:, None, None], (axis.size, size, size))
    if noise > 1.0:
        counts = np.maximum(rng.poisson(noise * np.exp(-exact)), 1)
        signal, std = -np.log(counts / noise), 1.0 / np.sqrt(counts)
    else:
        signal, std = exact + rng.normal(0, noise, exact.shape), np.full(exact.shape, noise)
    stack = make_stack(signal, axis, quantity="optical_density")
    if known:
        stack["signal_std"] = stack.signal.copy(data=std.astype(stack.signal.dtype))
    return stack


def pull(found: xr.Dataset, exact: xr.Dataset, name: str) -> tuple[float, float, float]:
    """Mean and standard deviation of the pulls, and the share of pixels with a value."""
    error = found[name].values - float(exact[name].values.ravel()[0])
    ratio = error / found[f"{name}_std"].values
    good = np.isfinite(ratio)
    return float(ratio[good].mean()), float(ratio[good].std()), float(good.mean())


def measures(noise: float, known: bool, size: int = SIZE) -> dict[str, tuple[float, float, float]]:
    """Pulls of every measure at one noise."""
    nickel = 0.4 * EDGES["NiO"](GRID) + 0.6 * EDGES["LiNiO2"](GRID)
    stack, clean = noisy(nickel, GRID, noise, known, size), noisy(nickel, GRID, 0.0, False, 1)
    result = {}
    for definition in DEFINITIONS:
        options = {**EDGE, "definition": definition, "jump_sigma": 0.0}
        maps = [fit_map(s, "edge_energy", **options) for s in (stack, clean)]
        result[definition] = pull(*maps, "edge_energy")
    options = {"center": 8351.0, "half_width": 3.0, "baseline": (8200.0, 8320.0), "peak_sigma": 0.0}
    for name, changes in (("raw", {}), ("window that follows", {"recenter": True})):
        maps = [fit_map(s, "white_line", **options, **changes) for s in (stack, clean)]
        result[f"white_line, {name}"] = pull(*maps, "white_line_energy")
    references = make_references({n: (GRID, EDGES[n](GRID)) for n in ("NiO", "LiNiO2")})
    for constraint in ("none", "sum_to_one"):
        degree = -1 if constraint == "sum_to_one" else 1
        options = {"references": references, "constraint": constraint, "background_degree": degree}
        maps = [fit_map(s, "lcf", **options) for s in (stack, clean)]
        result[f"lcf, {constraint}"] = pull(*maps, "fraction_LiNiO2_free")
    iron = fe_l3_references(np.arange(695.0, 735.0, 0.05))
    both = iron.interp(energy=L3).values.T @ [0.4, 0.6]
    pair = (noisy(both, L3, noise, True, size), noisy(both, L3, 0.0, False, 1))
    result["two energies"] = pull(*(two_energy_soc(s, iron) for s in pair), "soc")
    result["polar angle"] = pull(*(polar_soc(s) for s in pair), "x_li")
    return result


def table() -> str:
    """Markdown table of all of it."""
    lines = [
        "# Are the stated uncertainties of edge measures right?",
        "",
        "Standard deviation of (estimate - exact)/sigma over 10,000 pixels; 1 is right, and "
        "0.9 to 1.1 is the aim.",
        "Noise is that of one sample in units of the edge jump (of the unit vector at Fe L3). Made "
        "by `tests/studies/sigma_of_measures.py`.",
        "",
        "What to read from it: every measure is right at any noise for every pixel that "
        "reports an uncertainty. The largest slope needs noise well below 1 % of the jump: "
        "beyond, noise decides which of two inflections is the steeper one, and the pixels in"
        " which one stands out are a selection (pulls to 1.5, means off by up to one sigma). "
        "Where more than a tenth of the pixels have lost its uncertainty, `fit_map` therefore"
        ' reports none (`attrs["withheld"]` of the map of uncertainties); where fewer have, '
        "the pulls are 0.94 to 1.08 and their means within 0.12 (NiO, LiNiO2, Ni4+ and a "
        "mixture, noise of 0.03 to 1 %, known or not). Half heights are found from two "
        "samples where these tell the slope, and "
        "from a local parabola where noise hides it; a pixel in which even that slope is lost has "
        "a value, no uncertainty, and the status `at_bound`. Where the edge has a kink just at "
        "the level (pure NiO on a 1 eV grid, noise of 5 %) their pulls reach 1.15. The position "
        "of a white line is a ratio of two noisy coefficients; its bias of second order is not "
        "taken out: -0.03 sigma at a noise of 2 % and -0.09 at 5 % (40,000 pixels), -0.28 at "
        "10 % and -0.57 at 15 %.",
        "",
        "Where it holds: up to a noise of 5 % of the jump for a sample. At 10 % every second pixel "
        "has no uncertainty of its half height any more, and the others are a selection (1.05 with "
        "known noise, 1.28 without; at 15 % 1.25 and 2.2). `fit_map` warns, and says so in "
        "`attrs['sigma_doubt']`, where more than a tenth of the pixels with an energy have no "
        "uncertainty. The integral holds to 10 % (1.07; 1.25 at 15 %), the centroid throughout.",
        "",
    ]
    for known in (True, False):
        words = "from `signal_std`" if known else "from each pixel's own residual"
        lines += [f"## Noise {words}", ""]
        # Without known noise, counts whose noise changes along the spectrum are not for the table.
        noises = NOISES + (PHOTONS if known else ())
        heads = [f"{n:g}" if n < 1.0 else f"{n:g} photons" for n in noises]
        lines.append("| measure | " + " | ".join(heads) + " |")
        lines.append("|---" * (len(noises) + 1) + "|")
        columns = [measures(noise, known) for noise in noises]
        for name in columns[0]:
            if not known and name in ("two energies", "polar angle"):
                continue
            cells = []
            for column in columns:
                mean, spread, share = column[name]
                if share < 0.001:
                    cells.append("none reported")
                    continue
                text = f"{spread:.2f}"
                text += f" (mean {mean:+.2f})" if abs(mean) > 0.1 else ""
                text += f" ({100 * share:.0f} % of the pixels)" if share < 0.995 else ""
                cells.append(text)
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(table() + "\n", encoding="utf-8")
