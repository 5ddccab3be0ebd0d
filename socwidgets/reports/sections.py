"""Figures and tables of a report, section by section. Formatting only: no number is made here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets import plotting
from socwidgets.heterogeneity.card_model import HeterogeneityCard
from socwidgets.model.kinds import end_words
from socwidgets.model.names import QUANTITY, SIGNAL, STATUS, X, Y, spectral_dim
from socwidgets.model.roi import ROI
from socwidgets.model.stack import pixel_size_um
from socwidgets.model.status import Status, usable
from socwidgets.plotting.text import quantity_label, unit_sign
from socwidgets.reports.inputs import Inputs
from socwidgets.reports.interactive.payload import payload
from socwidgets.reports.publish import (
    show_figures,
    show_frame,
    show_list,
    show_subtitle,
    show_table,
)
from socwidgets.reports.results import Number, Results
from socwidgets.reports.words import chance_value, interval, with_uncertainty

#: Particles whose spectra are drawn, the largest first.
MAX_SPECTRA = 5
MAX_ROWS = 40


def show_inputs(inputs: Inputs) -> None:
    """Table of what was read."""
    stack = inputs.stack
    dim = spectral_dim(stack[SIGNAL])
    axis, (size_y, size_x) = stack[dim].values, pixel_size_um(stack)
    units = unit_sign(str(stack[dim].attrs.get("units", "")))
    rows = {
        "Sample": str(stack.attrs.get("sample", "not stated")),
        "Stack": ", ".join(
            str(item["source"]) for role, item in inputs.record.items() if role.startswith("stack")
        ),
        "Signal": str(stack.attrs.get(QUANTITY, "")).replace("_", " "),
        "Frames": f"{axis.size} from {axis.min():g} to {axis.max():g} {units}",
        "Image": f"{stack.sizes[Y]} × {stack.sizes[X]} pixels of {size_y:.4g} × {size_x:.4g} µm",
        "References": ", ".join(str(name) for name in inputs.references["component"].values),
    }
    table = pd.DataFrame({"value": rows})
    table.index.name = "input"
    show_table(table, "inputs")


def show_edge_jump(jumps: xr.Dataset) -> None:
    """Edge-jump map with the mask that it makes."""
    used = jumps["edge_jump"].where(jumps["mask"])
    captions = (
        "Edge jump of every pixel (thickness in optical density).",
        "Pixels with enough signal to be fitted; the others are gray.",
    )
    both = [plotting.map_figure(jumps["edge_jump"], width=4.4)]
    both.append(plotting.map_figure(used.assign_attrs(jumps["edge_jump"].attrs), width=4.4))
    show_figures(both, "quality", captions)


def show_maps(
    maps: xr.Dataset,
    labels: xr.DataArray | None = None,
    rois: Sequence[ROI] = (),
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw the map beside its standard-uncertainty map; pixels not to be used are gray.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with ``soc``.
    labels : xarray.DataArray, optional
        Particles to outline.
    rois : sequence of ROI
        Regions to outline.
    limits : (float, float), optional
        Ends of the color scale of the map, if not the usual ones.
    """
    keep = usable(maps)
    shown, sigma = (maps[name].where(keep) for name in ("soc", "soc_std"))
    name = quantity_label(maps["soc"])
    captions = (
        f"{name}. Gray: no value (see the status map). Arrows on the color bar: values beyond "
        "its ends, which noise makes; nothing was clipped.",
        f"Standard uncertainty of each pixel ({maps.attrs.get('sigma_source', 'not stated')}).",
    )
    figures = [
        plotting.map_figure(shown, list(rois), labels, limits=limits, width=5.4),
        plotting.map_figure(sigma, width=5.4),
    ]
    show_figures(figures, "map", captions)


def show_interactive(
    od: xr.Dataset,
    maps: xr.Dataset,
    limits: tuple[float, float] | None = None,
    names: Sequence[str] = ("soc", "soc_std", "thickness"),
) -> None:
    """Show the maps in a frame that needs no kernel: hover, lasso, range of the histogram.

    `limits` are the ends of the color scale of the first map.
    """
    keep = usable(maps)
    chosen = [maps[name].where(keep) for name in names if name in maps]
    show_frame(
        payload(od, chosen, keep, limits), "map", f"Interactive map: {quantity_label(chosen[0])}"
    )


def show_histogram(
    maps: xr.Dataset, card: HeterogeneityCard, labels: xr.DataArray | None = None
) -> None:
    """Distribution with the noise floor; the numbers are those of the card."""
    keep = usable(maps) if labels is None else usable(maps) & (labels > 0)
    weights = maps["thickness"].where(keep) if "thickness" in maps else None
    figure = plotting.histogram_figure(
        maps["soc"].where(keep),
        weights,
        mean=card["mean"].value,
        observed_sd=card["sigma_observed"].value,
        noise_sd=card["sigma_noise"].value,
        true_sd=card["sigma_true"].value,
    )
    caption = (
        "Distribution over the pixels, weighted by thickness. The orange curve is how wide a "
        "perfectly uniform sample would look with this measurement noise (its height is free)."
    )
    show_figures(figure, "distribution", caption)


def show_particles(table: pd.DataFrame | None, maps: xr.Dataset, card: HeterogeneityCard) -> None:
    """Mean of every particle against its size, and the table of the largest; or that none is."""
    if table is None:
        show_list(["No particle was found: all pixels were taken together."], "distribution")
        return
    name = quantity_label(maps["soc"])
    figure = plotting.particle_figure(
        table, error="mean_std", label=name, overall=card["mean"].value, ends=end_words(maps["soc"])
    )
    caption = (
        "Mean of every particle; the bar is its standard uncertainty from measurement noise "
        "(often smaller than the dot)."
    )
    show_figures(figure, "distribution", caption)
    cells = {
        "mean": [
            with_uncertainty(m, s) for m, s in zip(table["mean"], table["mean_std"], strict=True)
        ],
        "spread inside, noise removed": [f"{value:.3f}" for value in table["sd_true"]],
        "diameter (µm)": [f"{value:.2f}" for value in table["diameter_um"]],
        "pixels": [str(value) for value in table["n_pixels"]],
        "at the border": ["yes" if cut else "" for cut in table["touches_border"]],
    }
    shown = pd.DataFrame(cells, index=table.index.rename("particle")).head(MAX_ROWS)
    more = "" if len(table) <= MAX_ROWS else f" (the {MAX_ROWS} largest)"
    text = f"Table of the {len(table)} particles{more}"
    show_table(shown, "distribution", text, folded=True)


def show_spectra(
    od: xr.Dataset,
    maps: xr.Dataset,
    labels: xr.DataArray | None,
    references: xr.DataArray,
    options: dict[str, Any],
    charged: str | None = None,
) -> None:
    """Mean spectra with their fits: all usable pixels, then the largest particles."""
    keep = usable(maps)
    regions = [("All fitted pixels", keep)]
    if labels is not None:
        found = [int(label) for label in np.unique(labels.values) if label]
        regions += [(f"Particle {n}", keep & (labels == n)) for n in found[:MAX_SPECTRA]]
    figures, captions = [], []
    for title, mask in regions:
        if int(mask.sum()):
            figures.append(_spectrum(od, mask, title, references, options, charged, maps))
            captions.append(f"{title}: mean of {int(mask.sum())} pixels.")
    show_figures(figures, "spectra", captions)


def _spectrum(
    od: xr.Dataset, mask: xr.DataArray, title: str, references: xr.DataArray,
    options: dict[str, Any], charged: str | None, maps: xr.Dataset,
) -> Any:  # fmt: skip
    from socwidgets.analysis.fit import fit_spectrum
    from socwidgets.analysis.roi import roi_spectrum

    spread = roi_spectrum(od, mask)
    fit = fit_spectrum(spread["mean"], "lcf", references=references, **options)
    name = charged or str(references["component"].values[-1])
    numbers = json.loads(fit.attrs["results"])
    found = numbers.get(f"fraction_{name}_free", numbers[f"fraction_{name}"])
    label = "SOC" if maps["soc"].attrs.get("kind") == "soc" else quantity_label(maps["soc"])
    value, std = (np.nan if found[key] is None else found[key] for key in ("value", "std"))
    note = f"{label} {with_uncertainty(value, std)}"
    return plotting.spectrum_figure(fit, spread, title=title, note=note)


def show_quality(maps: xr.Dataset, r_max: float | None = None, name: str = "") -> None:
    """Residual, R-factor and status maps.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set.
    r_max : float, optional
        The limit that rejected poor fits, if any.
    name : str
        Whose maps, where a page shows several.
    """
    if name:
        show_subtitle(name, "quality")
    figures, captions = [], []
    words = {
        "residual_rms": "Root-mean-square residual of each pixel's fit (optical density). "
        "Structure here means that the references do not describe the sample.",
        "r_factor": "R-factor of each pixel, background taken out. It grows where the sample is "
        "thin, because noise counts as misfit.",
    }
    reasons = {} if r_max is None else {Status.NOT_CONVERGED: f"R-factor above {r_max:g}"}
    for name, caption in words.items():
        if name in maps:
            figures.append(plotting.map_figure(maps[name], width=4.4))
            captions.append(caption)
    figures.append(plotting.status_figure(maps[STATUS], title="", words=reasons, width=4.4))
    captions.append("Status: why a pixel has no value, or is left out of the statistics.")
    show_figures(figures, "quality", captions)


def show_headline(results: Results, names: Sequence[str]) -> None:
    """Show the numbers that people quote, with uncertainties, and the verdict."""
    rows = []
    for name in names:
        number = results.numbers.get(name)
        if number is not None:
            rows.append(
                {
                    "quantity": number.label,
                    "value": _value(number),
                    "95 % interval": interval(number.low, number.high),
                    "how": number.method,
                }
            )
    show_list([results.verdict], "verdict")
    show_table(pd.DataFrame(rows).set_index("quantity"), "headline")


def _value(number: Number) -> str:
    if number.is_chance:
        return chance_value(number.value)
    return with_uncertainty(number.value, number.std, number.unit)


def show_warnings(results: Results) -> None:
    """Sentences that a reader must know before quoting a number."""
    show_list(results.warnings or ("No check of this report found a reason to doubt it.",),
              "warnings")  # fmt: skip


def show_regions(maps: xr.Dataset, rois: Sequence[ROI]) -> None:
    """Table of the regions of the parameters: pixels, mean and spread of the map."""
    if not rois:
        return
    from socwidgets.analysis.roi import roi_mask

    keep, rows = usable(maps), {}
    for roi in rois:
        inside = roi_mask(roi, maps["soc"], maps) & keep
        chosen = maps["soc"].values[inside.values]
        chosen = chosen[np.isfinite(chosen)]
        mean, sd = (chosen.mean(), chosen.std()) if chosen.size else (np.nan, np.nan)
        rows[roi.name] = {
            "mean": f"{mean:.3f}" if chosen.size else "no pixel",
            "sd over the pixels": f"{sd:.3f}" if chosen.size else "",
            "pixels": str(chosen.size),
        }
    table = pd.DataFrame(rows).T
    table.index.name = "region"
    show_table(table, "regions", "Regions of interest, on pixels with a usable value")
