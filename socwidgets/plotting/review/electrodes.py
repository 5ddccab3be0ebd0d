"""Figures 1 and 15f-h: variance at every scale, and the spread of a thick electrode."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.nested_levels import nested_variance
from socwidgets.heterogeneity.space.depth import layer_profile
from socwidgets.phantoms import make_phantom, simulate
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_DISCHARGED
from socwidgets.plotting.style import CYCLE, INK

LEVELS = ("layer", "particle", "pixel")


def figure_1(seed: int, colors: str) -> ReviewFigure:
    """Variance shares of layers, particles and pixels, with the noise taken out."""
    phantom = make_phantom("electrode_stack", seed=seed)
    noise = 0.04
    maps = simulate(phantom, seed=seed, noise=noise)
    levels = {"layer": phantom.truth["layer"], "particle": maps["labels"]}
    found = nested_variance(maps, levels)
    table = found.to_frame()
    table["truth"] = [phantom.numbers[f"variance_{name}"] for name in LEVELS]
    table["share_truth"] = [phantom.numbers[f"share_{name}"] for name in LEVELS]
    sigmas = _share_sigmas(table.truth.to_numpy(), noise, int((maps["labels"] > 0).sum()))
    numbers = {
        f"share, {name}": Number(
            table.share[name], table.share_truth[name], sigma, "", "noise taken out"
        )
        for name, sigma in zip(LEVELS, sigmas, strict=True)
    }
    canvas = Canvas(8.2, 3.6)
    cmap = RED_DISCHARGED.colormap(colors)
    _, image = canvas.map(0.35, 0.35, 4.1, maps["soc"], cmap, (0.2, 0.8),
                          "a  layers (rows) of particles of pixels")  # fmt: skip
    canvas.bar(0.35, 2.75, 3.4, image, "State of charge", RED_DISCHARGED, maps["soc"])
    axes = titled(canvas.axes(5.3, 0.4, 2.6, 1.6), "b  where the variance lies")
    at = np.arange(3)
    axes.bar(at, table.share, 0.62, color=CYCLE[:3])
    axes.hlines(table.share_truth, at - 0.31, at + 0.31, color=INK, linewidth=2)
    axes.set_xticks(at, ["between\nlayers", "between\nparticles", "within\nparticles"])
    axes.set_ylabel("share of the variance")
    axes.set_ylim(0, 0.75)
    canvas.numbers(4.9, 2.75, numbers, 3.1)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "1",
        "How much of the spread lies at which scale",
        canvas.done(f"Map of an electrode and its variance shares. {words}."),
        numbers,
        {"levels": table.reset_index()},
        "Phantom: five layers of twelve particles with variances 0.010, 0.004 and 0.002 between "
        "layers, between particles and within them, as a map with noise of 0.04. The review shows "
        "the idea (Fig. 1) and no number; thick lines are the truth. "
        f"Colors: {RED_DISCHARGED.note}.",
    )


def _share_sigmas(variances: np.ndarray, noise: float, pixels: int) -> np.ndarray:
    """What the noise of the pixels does to the shares of the variance, ``(level,)``.

    A variance V of group means moves by ``2 sqrt(V) n/sqrt(N)`` (N pixels, noise n); that within
    particles by ``n^2 sqrt(2/N)`` besides. A share moves with all of them.
    """
    errors = 2.0 * np.sqrt(variances / pixels) * noise
    errors[-1] = np.hypot(errors[-1], noise**2 * np.sqrt(2.0 / pixels))
    total = variances.sum()
    gradient = (np.eye(variances.size) - (variances / total)[:, None]) / total
    return np.asarray(np.sqrt((gradient**2) @ errors**2))


def figure_15(seed: int, colors: str) -> ReviewFigure:
    """Standard deviation through the depth and in the plane of a thick electrode."""
    noise = 0.02
    phantom = make_phantom(
        "thick_electrode", seed=seed, model="two_sided", gradient=0.8, length=0.25, mean_soc=0.45,
        sigma_field=0.14, lateral_px=48, size_px=12,
    )  # fmt: skip
    maps = simulate(phantom, "map", seed, noise=noise, volume=True)
    soc, truth = maps["soc"], phantom.volume["soc"]  # type: ignore[index]
    found = layer_profile(maps, weights=None)
    depth, plane = found["in_depth_sd_true"], found["in_plane_sd_true"]
    depth.attrs.update(long_name="In-depth standard deviation", units="1")
    layers = pd.DataFrame(
        {
            "layer_um": soc["z"].values, "mean": soc.mean(("y", "x")).values,
            "mean_truth": truth.mean(("y", "x")).values, "in_plane": plane.values,
            "in_plane_truth": truth.std(("y", "x")).values,
        }
    )  # fmt: skip
    # Where the spread is large against the noise s moves by the mean of (v - m) n/s: noise/sqrt(n).
    per_layer = noise / np.sqrt(depth.size)
    of_mean_depth = noise / np.sqrt(soc.size)
    numbers = {
        "in-depth sd, rms": Number(
            _rms(depth), _rms(truth.std("z")), of_mean_depth, "", "Fig. 15g"
        ),
        "in-plane sd, first layer": Number(
            float(plane[0]), float(layers.in_plane_truth.iloc[0]), per_layer, "", "printed: 10-20 %"
        ),
        "in-plane sd, last layer": Number(
            float(plane[-1]), float(layers.in_plane_truth.iloc[-1]), per_layer, "", "over 30 %"
        ),
    }
    canvas = _draw_15(maps, depth, layers, numbers, colors)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "15f-h",
        "Thick LFP electrode: spread through the depth and in the plane",
        canvas.done(f"Layers, in-depth map and in-plane profile. {words}."),
        numbers,
        {"layers": layers},
        "Phantom: twelve layers 0.1 mm apart that react fastest at both faces, with a field in "
        "the plane that grows toward the collector, as maps with noise of 0.02 (XRD-CT itself is "
        "not simulated). The noise is taken out of every standard deviation. The review prints up "
        "to 50 % at the rim (the bound of a quantity between 0 and 1), 20-40 % inside, and in the "
        f"plane 10-20 % near the separator and over 30 % away. Colors: {RED_DISCHARGED.note}.",
    )


def _rms(values: xr.DataArray) -> float:
    """Root mean square: the mean of roots of noisy squares would be too small."""
    return float(np.sqrt((values**2).mean()))


def _draw_15(
    maps: xr.Dataset, depth: xr.DataArray, layers: pd.DataFrame, numbers: dict[str, Number],
    colors: str,
) -> Canvas:  # fmt: skip
    canvas = Canvas(8.6, 5.0)
    shown = [maps["soc"].isel(z=k) for k in (0, 6, 11)]
    titles = [f"{'abc'[i]}  z = {s.z.values / 1000:.1f} mm" for i, s in enumerate(shown)]
    cmap = RED_DISCHARGED.colormap(colors)
    image = canvas.row(0.3, 0.35, 1.75, shown, titles, cmap, (0.0, 1.0))
    canvas.bar(0.3, 2.75, 3.3, image, "Charged fraction", RED_DISCHARGED, shown[0])
    _, spread = canvas.map(6.35, 0.35, 1.75, depth, "cividis", (0.0, 0.5), "d  in-depth sd")
    canvas.bar(6.35, 2.75, 1.75, spread, "sd over z (bound: 0.5)", None, depth, [0, 0.25, 0.5])
    axes = titled(canvas.axes(0.75, 3.65, 3.0, 0.8), "e  by layer")
    at = layers.layer_um / 1000
    for name, color, words in (("mean", CYCLE[0], "mean"), ("in_plane", CYCLE[1], "in-plane sd")):
        axes.plot(at, layers[f"{name}_truth"], color=color, linewidth=1)
        axes.plot(at, layers[name], "o", color=color, markersize=3.5, label=words)
    axes.set_xlabel("depth (mm)    ◀ separator | collector ▶")
    axes.set_ylim(0, 1)
    axes.legend(fontsize=7.5, loc="upper center")
    canvas.numbers(4.4, 3.65, numbers, 3.9)
    return canvas
