"""The workflow: which steps have been done, with which results, and the program that does it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import xarray as xr

from socwidgets.jobs import Job, JobCallback, JobRunner, JobState
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.session.observable import enlist
from socwidgets.session.workflow.code import Call, program
from socwidgets.session.workflow.made import Made
from socwidgets.session.workflow.owner import FlowOwner
from socwidgets.session.workflow.preparation import (
    NormalizationStep,
    OffsetStep,
    OpticalDensityStep,
    PixelStep,
    RegistrationStep,
)
from socwidgets.session.workflow.reading import OpenStep, ReferenceStep
from socwidgets.session.workflow.results import CalibrationStep, MethodStep
from socwidgets.session.workflow.statements import CardStep, SegmentationStep
from socwidgets.session.workflow.step import Step

logger = logging.getLogger(__name__)

#: In the order in which they build on each other.
STEPS: tuple[Step, ...] = (
    OpenStep(), ReferenceStep(), OpticalDensityStep(), RegistrationStep(), OffsetStep(),
    NormalizationStep(), PixelStep(), MethodStep(), CalibrationStep(), SegmentationStep(),
    CardStep(),
)  # fmt: skip
_ORDER = {step.name: position for position, step in enumerate(STEPS)}
#: What stays when another result of a step comes: references belong to no stack.
_INDEPENDENT = ("references",)


class Workflow(Made):
    """Steps from a file to a heterogeneity card, with the session that shows their results.

    Parameters
    ----------
    runner : JobRunner, optional
        Where the steps run; threads of their own if left out.
    """

    def __init__(self, runner: JobRunner | None = None) -> None:
        super().__init__({step.name: step.makes for step in STEPS})
        self.jobs = runner or JobRunner()
        self._observers: list[Callable[[], None]] = []

    # -- reading -------------------------------------------------------------------------------

    def step(self, name: str) -> Step:
        """Return a step by its name, or raise `ParameterError`."""
        if name not in _ORDER:
            raise ParameterError(f"there is no step {name!r}", expected=", ".join(_ORDER))
        return STEPS[_ORDER[name]]

    def program(self, name: str, inputs: Mapping[str, str], params: Mapping[str, Any]) -> str:
        """Python text that does a step with these inputs, and all that it builds on.

        Raises
        ------
        ParameterError
            If a parameter does not fit.
        """
        step = self.step(name)
        with self.lock:
            earlier = [
                self.calls[other.name]
                for other in STEPS
                if other.name in self.calls and _ORDER[other.name] < _ORDER[name]
            ]
            chosen = self._checked(step, inputs)
            checked = step.kind(self, chosen).from_mapping(params).to_dict()
            return program([*earlier, step.call(self, chosen, checked)])

    def _checked(self, step: Step, inputs: Mapping[str, str]) -> dict[str, str]:
        """Inputs with defaults for those left out; what is chosen must still be there."""
        chosen = {}
        for name, choice in step.inputs(self).items():
            known = [value for _, value in choice.options]
            chosen[name] = inputs.get(name, known[0])
            if chosen[name] not in known:
                raise ParameterError(
                    f"{step.title}: {choice.words} cannot be {chosen[name]!r}",
                    expected=f"one of {', '.join(known)}",
                )
        return chosen

    # -- changing ------------------------------------------------------------------------------

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each change of the results; returns a function that stops it."""
        return enlist(self.lock, self._observers, callback)

    def take(self, stack: xr.Dataset, references: xr.DataArray | None = None) -> None:
        """Begin with a stack in memory, called ``stack`` (and ``references``) in the Python text.

        Raises
        ------
        SchemaError, DataError
            If it is no stack.
        """
        step = self.step("open")
        given = Call(("# stack: the data set that this workflow was given",))
        self.source = ""
        self._accept(step, stack, given, {})
        if references is not None:
            given = Call(("# references: the spectra that this workflow was given",))
            self._accept(self.step("references"), references, given, {})

    def start(
        self, name: str, inputs: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None, on_change: JobCallback | None = None,
    ) -> Job:  # fmt: skip
        """Start a step as a job; what later steps made goes when its result is there.

        Parameters
        ----------
        name : str
            Step.
        inputs, params : mapping, optional
            Chosen inputs and parameters; defaults where left out.
        on_change : callable, optional
            As for `Job.on_change`.

        Raises
        ------
        ParameterError, DataError
            At once, if it cannot be done. Errors of the work become the job's.
        """
        step = self.step(name)
        with self.lock:
            problem = step.problem(self)
            if problem:
                raise DataError(f"{step.title}: {problem[:1].lower()}{problem[1:].rstrip('.')}")
            chosen = self._checked(step, inputs or {})
            checked = step.kind(self, chosen).from_mapping(params or {}).to_dict()
            call = step.call(self, chosen, checked)
            work = step.work(self, chosen, checked)

        def accepted(*, progress: Callable[[int, int], None], cancel: threading.Event) -> Any:
            result = work(progress=progress, cancel=cancel)
            if not cancel.is_set():
                self._accept(step, result, call, {**chosen, **checked})
            return result

        return self.jobs.submit(f"step {name}", accepted, on_change=on_change)

    def _accept(self, step: Step, result: Any, call: Call, chosen: Mapping[str, Any]) -> None:
        """Take a result over: later ones go, the session shows it, observers are told."""
        with self.lock:
            kept = {
                name: value
                for name, value in self.products.items()
                if _ORDER[name] < _ORDER[step.name] or name in _INDEPENDENT
            }
            before = self.products, self.calls, self.chosen, self.source
            self.products = MappingProxyType({**kept, step.name: result})
            for attribute, value in (("calls", call), ("chosen", chosen)):
                old = {n: v for n, v in getattr(self, attribute).items() if n in kept}
                setattr(self, attribute, MappingProxyType({**old, step.name: value}))
            try:
                step.accept(self, result)
                if self.session is not None and self.session.owner is None:
                    self.session.owner = FlowOwner(self)
            except Exception:
                # What the session refuses is no result: everything stays as it was.
                self.products, self.calls, self.chosen, self.source = before
                raise
            observers = tuple(self._observers)
        for observer in observers:
            try:
                observer()
            except Exception:
                logger.exception("a view could not follow the workflow")

    def running(self) -> list[Job]:
        """Jobs of steps that have not finished."""
        found = (self.jobs.latest(f"step {step.name}") for step in STEPS)
        return [
            j for j in found if j is not None and j.state in (JobState.PENDING, JobState.RUNNING)
        ]

    def close(self) -> None:
        """Cancel what runs and close the session."""
        self.jobs.close()
        with self.lock:
            self._observers.clear()
        if self.session is not None:
            self.session.close()
