"""Steps from maps to statements: particles and the heterogeneity card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from socwidgets.jobs import Work, abandonable
from socwidgets.model.kinds import KIND
from socwidgets.model.mapset import display_maps
from socwidgets.model.names import SIGNAL, spectral_dim
from socwidgets.model.parameters import Parameters, param
from socwidgets.session.workflow.code import Call, Name, call_text, changed
from socwidgets.session.workflow.made import Made
from socwidgets.session.workflow.step import Choice, Step

_SOC = "import socwidgets as soc"
_ALL = "all"


class SegmentationStep(Step):
    """Find the particles."""

    name, title, makes, verb = "segmentation", "Particles", "labels", "Find particles"
    help = "Split a map that is high on particles into single particles."

    def inputs(self, flow: Made) -> dict[str, Choice]:
        """The map that shows the particles."""
        options = [("edge jump", "edge_jump")] if "pixels" in flow.products else []
        for step in ("calibration", "method"):
            if step in flow.products and "thickness" in flow.products[step]:
                options.append(("thickness of the fit", f"{step}:thickness"))
        options.append(("mean of all frames", "mean"))
        return {"of": Choice("Map", "A map that is high on particles.", tuple(options))}

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Parameters of `segment_particles`."""
        from socwidgets.analysis.segmentation import SegmentationParameters

        return SegmentationParameters

    def _source(self, flow: Made, of: str) -> tuple[str, xr.DataArray]:
        if of == "edge_jump":
            return 'jumps["edge_jump"]', flow.products["pixels"]["edge_jump"]
        if of.endswith(":thickness"):
            name = of.partition(":")[0]
            return f'{flow.variable(name)}["thickness"]', flow.products[name]["thickness"]
        variable, stack = flow.stack_before(self.name)
        dim = spectral_dim(stack[SIGNAL])
        return f'{variable}["{SIGNAL}"].mean("{dim}")', stack[SIGNAL].mean(dim)

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Segment."""
        from socwidgets.analysis.segmentation import segment_particles

        return abandonable(segment_particles, self._source(flow, inputs["of"])[1], **params)

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``labels = soc.segment_particles(...)``."""
        source = Name(self._source(flow, inputs["of"])[0])
        options = changed(self.kind(flow, inputs), params)
        return Call((call_text("labels", "soc.segment_particles", source, **options),), (_SOC,))

    def accept(self, flow: Made, result: xr.DataArray) -> None:
        """The session knows the particles, and shows their outlines."""
        if flow.session is not None:
            flow.session.set_labels(result)
            flow.session.set_overlay("labels")

    def said(self, result: xr.DataArray) -> str:
        """How many there are."""
        count = int(result.max())
        return f"{count:,} particle{'' if count == 1 else 's'}, outlined on the map"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardParameters(Parameters):
    """What is chosen about the heterogeneity card."""

    draws: int = param(1000, "Bootstrap resamples for the intervals.", low=100, high=100_000)
    seed: int = param(0, "Seed of the random generator.", low=0)
    projection: bool = param(True, "The map is a projection through the sample.")
    limits: tuple[float, float] = param((0.0, 1.0), "Window of the quantity, low and high.")


class CardStep(Step):
    """The heterogeneity card."""

    name, title, makes, verb = "heterogeneity", "Heterogeneity", "card", "Make the card"
    help = "How heterogeneous the map is, noise taken out, with an interval on every number."

    def problem(self, flow: Made) -> str:
        """A map is needed."""
        return "" if _maps(flow) is not None else "Fit the pixels first."

    def inputs(self, flow: Made) -> dict[str, Choice]:
        """The map, and whether particles count."""
        maps = _maps(flow)
        found = () if maps is None else tuple(maps[1].data_vars)
        names = [str(n) for n in (display_maps(maps[1]) if maps and found else ())]
        known = [n for n in names if maps and maps[1][n].attrs.get(KIND) and not n.endswith("_std")]
        options = (
            tuple((str(maps[1][n].attrs.get("long_name", n)), n) for n in known) if maps else ()
        )
        particles = [("with particles", "labels")] if "segmentation" in flow.products else []
        return {
            "variable": Choice("Map", "The map that is described.", options or (("none", ""),)),
            "particles": Choice(
                "Particles", "Particles split the variance and are resampled whole.",
                (*particles, ("without", _ALL)),
            ),
        }  # fmt: skip

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Resamples, seed, window."""
        return CardParameters

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Make the card."""
        from socwidgets.heterogeneity.card import heterogeneity_card

        maps = _maps(flow)
        labels = flow.products.get("segmentation") if inputs["particles"] == "labels" else None
        source = maps[1] if maps is not None else None
        return abandonable(
            heterogeneity_card, source, labels, variable=inputs["variable"], **params
        )

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``card = soc.heterogeneity_card(maps, labels, ...)``."""
        maps = _maps(flow)
        args = [Name(maps[0] if maps is not None else "maps")]
        if inputs["particles"] == "labels" and "segmentation" in flow.products:
            args.append(Name("labels"))
        options = changed(CardParameters, params)
        if inputs["variable"] != "soc":
            options = {"variable": inputs["variable"], **options}
        line = call_text("card", "soc.heterogeneity_card", *args, **options)
        return Call((line, "card"), (_SOC,))

    def said(self, result: Any) -> str:
        """The verdict."""
        return str(result.verdict)


def _maps(flow: Made) -> tuple[str, xr.Dataset] | None:
    """Variable and value of the latest maps."""
    for name in ("calibration", "method"):
        if name in flow.products:
            return flow.variable(name), flow.products[name]
    return None
