"""From counts to optical density, and the light out of it that did not pass the sample."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.optical_density import OpticalDensityParameters, optical_density
from socwidgets.analysis.roi import roi_mask, roi_spectrum
from socwidgets.analysis.stray_light import without_stray_light
from socwidgets.io.open_beam import read_open_beam
from socwidgets.jobs import Work, abandonable
from socwidgets.model.errors import ParameterError
from socwidgets.model.names import QUANTITY, STATUS
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.roi import Shape
from socwidgets.model.status import Status
from socwidgets.model.watch import Progress
from socwidgets.session.workflow.code import Call, Name, call_text, changed
from socwidgets.session.workflow.made import STACKS, Made, show_stack
from socwidgets.session.workflow.step import Choice, Step

_SOC = "import socwidgets as soc"
_STRAY = "from socwidgets.analysis.stray_light import without_stray_light"
_BEAM = "from socwidgets.io.open_beam import read_open_beam"
#: Choices of I0 that are no region: nobody calls a region that.
READ, FILES = "<read>", "<files>"
_SHARE = (
    "Light that does not pass the sample, as a share of what passes without one (0.01 is 1 %): it "
    "makes strong lines too weak. Known from an opaque place; 0 for none."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrayLightParameters(Parameters):
    """What is left to do about a stack that is optical density already."""

    stray_light: float = param(0.0, _SHARE, low=0.0, high=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityParameters(OpticalDensityParameters):
    """Parameters of the conversion, and the share of stray light."""

    stray_light: float = param(0.0, _SHARE, low=0.0, high=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDensityParameters(DensityParameters):
    """The same with flats and dark frames in files of their own."""

    flat: str = param("", "File with the counts without sample; empty: as read with the stack.")
    flat_after: str = param(
        "", "File with the counts without sample after the scan; empty if there are none."
    )
    dark: str = param("", "File with the counts without beam; empty: as read with the stack.")


class OpticalDensityStep(Step):
    """Counts to optical density, without stray light."""

    name, title, makes, verb = "optical_density", "Optical density", "od", "Convert"
    help = (
        "Counts become optical density, ln(I0/I), pixels that saturate are flagged; a known share "
        "of stray light is taken out."
    )
    needs = STACKS
    first = ("flat", "flat_after", "dark", "noise", "max_od", "stray_light")

    def problem(self, flow: Made) -> str:
        """Counts are needed, or optical density with stray light in it."""
        if "open" not in flow.products:
            return "Open a file first."
        if flow.products["open"].attrs.get(QUANTITY) == "normalized":
            return "The stack is normalized already: go on."
        return ""

    def hint(self, flow: Made) -> str:
        """What is left to do about optical density."""
        if not _is_density(flow):
            return ""
        return "The stack is optical density already: go on, unless there is stray light in it."

    def inputs(self, flow: Made) -> dict[str, Choice]:
        """The I0 that came with the stack, one from files, or the mean of a region."""
        if _is_density(flow):
            return {}
        options = [("as read with the stack", READ), ("flats in files", FILES)]
        if flow.session is not None:
            options += [(f"mean of {r.name}", r.name) for r in flow.session.state.rois]
        words = "Intensity without sample; draw a region where there is none to take its mean."
        return {"i0": Choice("I0", words, tuple(options))}

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Parameters of `optical_density`, with files where these are chosen."""
        return self.kind_of(inputs)

    @staticmethod
    def kind_of(inputs: Mapping[str, Any]) -> type[Parameters]:
        """Parameter class for the choice of I0."""
        if "i0" not in inputs:
            return StrayLightParameters
        return FileDensityParameters if inputs["i0"] == FILES else DensityParameters

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Convert, and take the stray light out."""
        stack, share = flow.stack_before(self.name)[1], params["stray_light"]
        if "i0" not in inputs:
            if not share:
                raise ParameterError(
                    "the stack is optical density already",
                    fix="give the share of stray light, or go on to the next step",
                )
            return abandonable(without_stray_light, stack, share)
        files = {name: params.get(name, "") for name in ("flat", "flat_after", "dark")}
        if inputs["i0"] == FILES and not any(text.strip() for text in files.values()):
            raise ParameterError(
                "no file is chosen", fix="choose the file with the flats, with the dark, or both"
            )
        rest = {k: v for k, v in params.items() if k not in (*files, "stray_light")}
        shape = _region(flow, inputs)

        def convert(progress: Progress, cancel: threading.Event) -> xr.Dataset:
            given: dict[str, Any] = {**rest, **_read_beam(files)}
            if shape is not None:
                given["flat"] = roi_spectrum(stack, roi_mask(shape, stack))["mean"]
            od = optical_density(stack, progress=progress, cancel=cancel, **given)
            return without_stray_light(od, share) if share else od

        return abandonable(convert)

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``od = soc.optical_density(stack, ...)``, and ``without_stray_light(od, ...)``."""
        options = changed(self.kind(flow, inputs), params)
        share = options.pop("stray_light", 0.0)
        source = flow.stack_before(self.name)[0]
        if "i0" not in inputs:
            line = call_text("od", "without_stray_light", Name(source), share)
            return Call((line,), (_STRAY,))
        lines, imports = _beam_text(flow, source, inputs, options)
        beam = [name for name in ("flat", "flat_after", "dark") if name in options]
        if _region(flow, inputs) is not None:
            beam.append("flat")
        given: dict[str, Any] = {**options, **{name: Name(name) for name in beam}}
        lines.append(call_text("od", "soc.optical_density", Name(source), **given))
        if share:
            lines.append(call_text("od", "without_stray_light", Name("od"), share))
            imports.append(_STRAY)
        return Call(tuple(lines), (_SOC, *imports))

    def accept(self, flow: Made, result: xr.Dataset) -> None:
        """The session goes on with optical density."""
        show_stack(flow, result)

    def said(self, result: xr.Dataset) -> str:
        """How many pixels are flagged."""
        if STATUS not in result:
            return ""
        codes = result[STATUS].values
        dense = np.count_nonzero(codes == Status.SATURATED)
        empty = np.count_nonzero(codes == Status.MASKED)
        return f"Of {codes.size:,} pixels {dense:,} saturated, {empty:,} without a value"


def _is_density(flow: Made) -> bool:
    found = flow.products.get("open")
    return found is not None and found.attrs.get(QUANTITY) == "optical_density"


def _region(flow: Made, inputs: Mapping[str, str]) -> Shape | None:
    """Shape of the region that the I0 is the mean of; None for another I0."""
    chosen = inputs["i0"]
    if chosen in (READ, FILES) or flow.session is None:
        return None
    return flow.session.roi(chosen).shape


def _read_beam(files: Mapping[str, str]) -> dict[str, xr.DataArray]:
    """Flats and dark by the keywords of `optical_density`; those without a file are left out."""
    flat, dark = read_open_beam(files["flat"].strip(), files["dark"].strip())
    after, _ = read_open_beam(files["flat_after"].strip(), None)
    found = {"flat": flat, "flat_after": after, "dark": dark}
    return {name: values for name, values in found.items() if values is not None}


def _beam_text(
    flow: Made, source: str, inputs: Mapping[str, str], options: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """Lines that make ``flat``, ``flat_after`` and ``dark``, and their imports."""
    shape = _region(flow, inputs)
    if shape is not None:
        lines = [
            call_text("empty", "roi_mask", shape, Name(source)),
            f'flat = roi_spectrum({source}, empty)["mean"]',
        ]
        return lines, [
            "from socwidgets.analysis.roi import roi_mask, roi_spectrum",
            f"from socwidgets.model.roi import {type(shape).__name__}",
        ]
    lines = []
    if "flat" in options or "dark" in options:
        paths = (options.get("flat"), options.get("dark"))
        lines.append(call_text("flat, dark", "read_open_beam", *paths))
    if "flat_after" in options:
        lines.append(call_text("flat_after, _", "read_open_beam", options["flat_after"], None))
    return lines, [_BEAM] if lines else []
