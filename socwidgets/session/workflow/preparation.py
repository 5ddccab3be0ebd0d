"""Steps from optical density to pixels that are worth a fit."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.jobs import Work, abandonable
from socwidgets.model.names import QUANTITY, STATUS
from socwidgets.model.parameters import Parameters
from socwidgets.model.rim import read_verdict
from socwidgets.model.status import Status
from socwidgets.model.watch import Progress, Watch
from socwidgets.session.workflow.code import Call, Name, call_text, changed
from socwidgets.session.workflow.made import STACKS, Made, show_stack
from socwidgets.session.workflow.step import Step

_SOC = "import socwidgets as soc"


class RegistrationStep(Step):
    """Align the frames."""

    name, title, makes, verb = "registration", "Registration", "registered", "Align"
    help = (
        "Measure how far the frames drift, bring them to one place, and check whether what is left "
        "could look like a rim of the particles."
    )
    needs = STACKS

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Parameters of `register`."""
        from socwidgets.analysis.registration import RegistrationParams

        return RegistrationParams

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Align, and take the verdict on the rim along: the card made from the maps shows it."""
        from socwidgets.analysis.registration import register
        from socwidgets.analysis.rim_check import with_rim_check

        stack = flow.stack_before(self.name)[1]

        def align(progress: Progress, cancel: threading.Event) -> xr.Dataset:
            watch = Watch(progress, cancel)
            moved = register(stack, **params, progress=watch.part(0.0, 0.6), cancel=cancel)
            return with_rim_check(moved, progress=watch.part(0.6, 1.0), cancel=cancel)

        return abandonable(align)

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``registered = soc.register(od, ...)``, and the check of the rim."""
        source = Name(flow.stack_before(self.name)[0])
        options = changed(self.kind(flow, inputs), params)
        lines = (
            call_text("registered", "soc.register", source, **options),
            "registered = with_rim_check(registered)",
        )
        return Call(lines, (_SOC, "from socwidgets.analysis.rim_check import with_rim_check"))

    def accept(self, flow: Made, result: xr.Dataset) -> None:
        """The session goes on with the aligned stack and knows the one before."""
        show_stack(flow, result, before=flow.stack_before(self.name)[1])

    def said(self, result: xr.Dataset) -> str:
        """What was done."""
        return str(result.attrs.get("registration", ""))

    def notes(self, result: xr.Dataset) -> list[str]:
        """The rim, where what is left of the drift could make one."""
        verdict = read_verdict(result.attrs)
        return [] if verdict is None or verdict[0] else [verdict[1]]


class OffsetStep(Step):
    """Take out the background that I0 left, and flag saturated pixels."""

    name, title, makes, verb = "i0_offset", "I0 offset", "prepared", "Take out"
    help = (
        "Subtract the optical density that pixels without sample show before the edge (an I0 on "
        "another scale than the images), and flag pixels that are too dense."
    )
    needs = STACKS

    def problem(self, flow: Made) -> str:
        """Optical density is needed."""
        if "open" not in flow.products:
            return "Open a file first."
        quantity = flow.stack_before(self.name)[1].attrs.get(QUANTITY)
        if quantity == "normalized":
            return "The stack is normalized already: it has no offset, go on."
        return "" if quantity == "optical_density" else "Make optical density first."

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Parameters of `prepare_stxm`."""
        from socwidgets.techniques.stxm import StxmParameters

        return StxmParameters

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Subtract and flag."""
        from socwidgets.techniques.stxm import prepare_stxm

        return abandonable(prepare_stxm, flow.stack_before(self.name)[1], **params)

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``prepared = prepare_stxm(od, ...)``."""
        source = Name(flow.stack_before(self.name)[0])
        options = changed(self.kind(flow, inputs), params)
        line = call_text("prepared", "prepare_stxm", source, **options)
        return Call((line,), ("from socwidgets.techniques.stxm import prepare_stxm",))

    def accept(self, flow: Made, result: xr.Dataset) -> None:
        """The session goes on without the offset, and still knows the frames before they moved."""
        before = None if flow.session is None else flow.session.state.before
        show_stack(flow, result, before=before if "registration" in flow.products else None)

    def said(self, result: xr.Dataset) -> str:
        """The offset, and how many pixels are too dense."""
        offset, scatter = (float(result.attrs[f"i0_offset{end}"]) for end in ("", "_std"))
        dense = int(np.count_nonzero(result[STATUS] == Status.SATURATED))
        done = f"Offset {offset:.3f} ± {scatter:.3f} subtracted" if offset else "No offset"
        return f"{done}; {dense:,} of {result[STATUS].size:,} pixels saturated"


class NormalizationStep(Step):
    """Normalize every spectrum."""

    name, title, makes, verb = "normalization", "Normalization", "normalized", "Normalize"
    help = (
        "Subtract the pre-edge line and divide by the edge jump, pixel by pixel. Leave it out for "
        "linear combination fits of optical density: those fit the background themselves."
    )
    needs = STACKS

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Parameters of `normalize`."""
        from socwidgets.analysis.normalization import StackNormalizationParameters

        return StackNormalizationParameters

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Normalize."""
        from socwidgets.analysis.normalization import normalize

        return abandonable(normalize, flow.stack_before(self.name)[1], **params)

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``normalized = normalize(od, ...)``."""
        source = Name(flow.stack_before(self.name)[0])
        options = changed(self.kind(flow, inputs), params)
        line = call_text("normalized", "normalize", source, **options)
        return Call((line,), ("from socwidgets.analysis.normalization import normalize",))

    def accept(self, flow: Made, result: xr.Dataset) -> None:
        """The session goes on with the normalized stack."""
        show_stack(flow, result)


class PixelStep(Step):
    """Find the pixels with enough signal."""

    name, title, makes, verb = "pixels", "Pixels", "jumps", "Find pixels"
    help = "The edge jump of every pixel, and which of them have enough signal for a fit."
    needs = STACKS

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Parameters of `edge_jump`."""
        from socwidgets.analysis.edge_jump import EdgeJumpParameters

        return EdgeJumpParameters

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Measure the jump."""
        from socwidgets.analysis.edge_jump import edge_jump

        return abandonable(edge_jump, flow.stack_before(self.name)[1], **params)

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``jumps = soc.edge_jump(od, ...)``."""
        source = Name(flow.stack_before(self.name)[0])
        options = changed(self.kind(flow, inputs), params)
        return Call((call_text("jumps", "soc.edge_jump", source, **options),), (_SOC,))

    def accept(self, flow: Made, result: xr.Dataset) -> None:
        """The session shows the jump until there is something better."""
        if flow.session is not None:
            flow.session.set_maps(result.drop_vars("mask"))
            flow.session.select_map("edge_jump")

    def said(self, result: xr.Dataset) -> str:
        """How many pixels are left."""
        count = int(np.count_nonzero(result["mask"]))
        return f"{count:,} of {result['mask'].size:,} pixels have enough signal"
