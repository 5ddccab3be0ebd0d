"""Steps from pixels to maps, particles and the heterogeneity card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

import numpy as np
import xarray as xr

from socwidgets.analysis.methods import get_method, method_names
from socwidgets.jobs import Work, abandonable
from socwidgets.model.kinds import KIND
from socwidgets.model.mapset import display_maps, notes_of
from socwidgets.model.names import STATUS
from socwidgets.model.parameters import Parameters
from socwidgets.session.fitting import METHOD_WORDS, done_message
from socwidgets.session.workflow.code import Call, Name, call_text, changed
from socwidgets.session.workflow.made import Made
from socwidgets.session.workflow.step import Choice, NoParameters, Step

_SOC = "import socwidgets as soc"
_EDGE, _ALL = "edge", "all"
_TWO_POINT, _STANDARDS = "two_point", "standards"


class MethodStep(Step):
    """Fit every pixel."""

    name, title, makes, verb = "method", "Fit", "fit", "Fit all pixels"
    help = "One fit in every pixel, by any of the methods that socwidgets knows."

    def inputs(self, flow: Made) -> dict[str, Choice]:
        """The method, and which pixels."""
        names = method_names()
        order = ["lcf"] if "references" in flow.products else ["white_line", "edge_energy"]
        names = tuple(sorted(names, key=lambda n: (order.index(n) if n in order else 9, n)))
        methods = tuple((METHOD_WORDS.get(n, n.replace("_", " ")), n) for n in names)
        pixels = [("with enough signal", _EDGE)] if "pixels" in flow.products else []
        return {
            "method": Choice("Method", "What is fitted in every pixel.", methods),
            "pixels": Choice("Pixels", "Which pixels are fitted.", (*pixels, ("all", _ALL))),
        }

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Parameters of the method."""
        return get_method(inputs["method"]).parameters

    def _keywords(self, flow: Made, inputs: Mapping[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if get_method(inputs["method"]).needs_references:
            found["references"] = flow.products.get("references")
        if inputs["pixels"] == _EDGE and "pixels" in flow.products:
            found["mask"] = flow.products["pixels"]["mask"]
        return found

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Fit."""
        from socwidgets.analysis.fit import fit_map

        stack = flow.stack_before(self.name)[1]
        return abandonable(fit_map, stack, inputs["method"], params, **self._keywords(flow, inputs))

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``fit = soc.fit_map(od, method, ...)``."""
        given = self._keywords(flow, inputs)
        texts = {"references": Name("references"), "mask": Name('jumps["mask"]')}
        keywords = {name: texts[name] for name in given}
        options = changed(self.kind(flow, inputs), params)
        source = Name(flow.stack_before(self.name)[0])
        line = call_text("fit", "soc.fit_map", source, inputs["method"], **keywords, **options)
        return Call((line,), (_SOC,))

    def accept(self, flow: Made, result: xr.Dataset) -> None:
        """The session shows the maps, and fits spectra in the same way."""
        if flow.session is None:
            return
        method = str(flow.chosen[self.name]["method"])
        known = flow.chosen[self.name]
        names = [spec.name for spec in fields(cast(Any, get_method(method).parameters))]
        flow.session.set_method(method, {k: known[k] for k in names if k in known})
        flow.session.take_calibration(None)
        flow.session.set_maps(result)

    def said(self, result: xr.Dataset) -> str:
        """How many pixels got a value."""
        count = done_message(result, 0.0).partition(" in ")[0].removesuffix(" pixels")
        return f"{count} pixels fitted"


class CalibrationStep(Step):
    """Fit result to state of charge."""

    name, title, makes, verb = "calibration", "Calibration", "maps", "Calibrate"
    help = "The fraction of the charged reference, or any fitted quantity through standards."

    def problem(self, flow: Made) -> str:
        """A fit is needed."""
        return "" if "method" in flow.products else "Fit the pixels first."

    def inputs(self, flow: Made) -> dict[str, Choice]:
        """The charged reference, or a calibration by two points or by more standards."""
        fit = flow.products.get("method")
        parts = [] if fit is None else list(np.atleast_1d(fit.attrs.get("components", [])))
        named = [(f"fraction of {name}", str(name)) for name in reversed(parts)]
        options = named if len(parts) > 1 else []
        curves = (("between two points", _TWO_POINT), ("through standards", _STANDARDS))
        words = "How a fitted value becomes a state of charge: 0 discharged, 1 charged."
        return {"by": Choice("State of charge", words, (*options, *curves))}

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Two points, standards, or nothing."""
        from socwidgets.analysis.calibration_lines import StandardsCurve, TwoPoint

        curves: dict[str, type[Parameters]] = {_TWO_POINT: TwoPoint, _STANDARDS: StandardsCurve}
        return curves.get(inputs["by"], NoParameters)

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Calibrate."""
        from socwidgets.analysis.calibration import calibrated_map, soc_map

        fit, by = flow.products["method"], inputs["by"]
        if by not in (_TWO_POINT, _STANDARDS):
            return abandonable(soc_map, fit, charged=by)
        made: Any = self.kind(flow, inputs).from_mapping(_with_variable(fit, params))
        return abandonable(soc_map if made.kind == "soc" else calibrated_map, fit, made)

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``maps = soc.soc_map(fit, ...)``."""
        by = inputs["by"]
        if by not in (_TWO_POINT, _STANDARDS):
            line = call_text("maps", "soc.soc_map", Name("fit"), charged=by)
            return Call((line,), (_SOC,))
        kind = self.kind(flow, inputs)
        full = _with_variable(flow.products["method"], params)
        made: Any = kind.from_mapping(full)
        lines = [call_text("calibration", kind.__name__, **changed(kind, full))]
        imports = [_SOC, f"from socwidgets.analysis.calibration_lines import {kind.__name__}"]
        if made.kind == "soc":
            lines.append("maps = soc.soc_map(fit, calibration)")
        else:
            lines.append("maps = calibrated_map(fit, calibration)")
            imports[0] = "from socwidgets.analysis.calibration import calibrated_map"
        return Call(tuple(lines), tuple(imports))

    def accept(self, flow: Made, result: xr.Dataset) -> None:
        """The session shows the calibrated map, and keeps the other maps of the fit."""
        if flow.session is None:
            return
        fit = flow.products["method"]
        rest = {name: fit[name] for name in fit.data_vars if name not in result}
        flow.session.take_calibration(self._calibration(flow))
        flow.session.set_maps(result.assign(rest))
        flow.session.select_map(_first_quantity(result))

    def _calibration(self, flow: Made) -> Any:
        """The calibration that was chosen; None for the fraction of a reference."""
        chosen = dict(flow.chosen[self.name])
        if chosen.pop("by") not in (_TWO_POINT, _STANDARDS):
            return None
        kind: Any = self.kind(flow, {"by": str(flow.chosen[self.name]["by"])})
        return kind.from_mapping(_with_variable(flow.products["method"], chosen))

    def notes(self, result: xr.Dataset) -> list[str]:
        """Doubts about the calibration, caveats of the quantity."""
        return notes_of(result)

    def said(self, result: xr.Dataset) -> str:
        """Mean of the map."""
        return f"Mean of all usable pixels {float(result[_first_quantity(result)].mean()):.3f}"


def _first_quantity(maps: xr.Dataset) -> str:
    return "soc" if "soc" in maps else display_maps(maps)[0]


def _with_variable(fit: xr.Dataset, params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a two-point calibration, with the fit's first quantity if none is named."""
    if params.get("variable"):
        return dict(params)
    names = [n for n in display_maps(fit) if fit[n].attrs.get(KIND) and n != STATUS]
    return {**params, "variable": names[0] if names else ""}
