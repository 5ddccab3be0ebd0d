"""What a session shows once results of steps have gone."""

from __future__ import annotations

from collections.abc import Callable

from socwidgets.session.workflow.made import STACKS, Made, show_stack
from socwidgets.session.workflow.step import Step

#: Steps whose result is a map set, in their order.
MAPS = ("pixels", "method", "calibration")


def show_rest(flow: Made, gone: str, step: Callable[[str], Step]) -> None:
    """Let the session show what is left after a step was taken back.

    Parameters
    ----------
    flow : Made
        Without the result of that step.
    gone : str
        The step.
    step : callable
        Finds a step by its name.
    """
    if flow.session is None:
        return
    if gone == "references":
        flow.session.set_references(None)
    if gone in STACKS:
        latest = next(name for name in STACKS if name in flow.products)
        if latest == "open":
            show_stack(flow, flow.products["open"])
        else:
            step(latest).accept(flow, flow.products[latest])
    elif gone in (*MAPS, "references"):
        show_maps(flow, step)
    elif gone == "segmentation":
        _without_labels(flow)


def show_maps(flow: Made, step: Callable[[str], Step]) -> None:
    """Let the session show the maps that are left; particles go."""
    if flow.session is None:
        return
    flow.session.take_calibration(None)
    flow.session.set_maps(None)
    _without_labels(flow)
    for name in MAPS:
        if name in flow.products:
            step(name).accept(flow, flow.products[name])


def _without_labels(flow: Made) -> None:
    if flow.session is not None:
        flow.session.set_labels(None)
        if flow.session.state.overlay == "labels":
            flow.session.set_overlay("")
