"""The workflow: which steps have been done, with which results, and the program that does it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import xarray as xr

from socwidgets.jobs import Job, JobCallback, JobRunner, JobState
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.session.observable import enlist
from socwidgets.session.remarks import heard_warnings
from socwidgets.session.workflow.code import Call, program
from socwidgets.session.workflow.density import OpticalDensityStep
from socwidgets.session.workflow.energy_axis import EnergyAxisStep
from socwidgets.session.workflow.made import Made
from socwidgets.session.workflow.owner import FlowOwner
from socwidgets.session.workflow.plan import PlanStep
from socwidgets.session.workflow.preparation import (
    NormalizationStep,
    OffsetStep,
    PixelStep,
    RegistrationStep,
)
from socwidgets.session.workflow.reading import OpenStep, ReferenceStep
from socwidgets.session.workflow.results import CalibrationStep, MethodStep
from socwidgets.session.workflow.showing import show_maps, show_rest
from socwidgets.session.workflow.statements import CardStep, SegmentationStep
from socwidgets.session.workflow.step import Step

logger = logging.getLogger(__name__)

#: In the order in which they build on each other.
STEPS: tuple[Step, ...] = (
    OpenStep(), ReferenceStep(), OpticalDensityStep(), EnergyAxisStep(), RegistrationStep(),
    OffsetStep(), NormalizationStep(), PixelStep(), MethodStep(), CalibrationStep(),
    SegmentationStep(), CardStep(), PlanStep(),
)  # fmt: skip
_ORDER = {step.name: position for position, step in enumerate(STEPS)}


def _builds_on(step: Step, name: str) -> bool:
    """Whether a step's result depends on that of another."""
    return _ORDER[name] < _ORDER[step.name] and (step.needs is None or name in step.needs)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both hold the very same objects."""
    return one.keys() == other.keys() and all(one[name] is other[name] for name in one)


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
                if other.name in self.calls and _builds_on(step, other.name)
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
        self._accept(step, (stack, given, {}, ()))
        if references is not None:
            given = Call(("# references: the spectra that this workflow was given",))
            self._accept(self.step("references"), (references, given, {}, ()))

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
            begun = self._below(step)

        def accepted(*, progress: Callable[[int, int], None], cancel: threading.Event) -> Any:
            with heard_warnings() as remarks:
                result = work(progress=progress, cancel=cancel)
            if not cancel.is_set():
                made = (result, call, {**chosen, **checked}, tuple(remarks))
                self._accept(step, made, begun)
            return result

        return self.jobs.submit(f"step {name}", accepted, on_change=on_change)

    def _accept(
        self, step: Step, made: tuple[Any, ...], begun: Mapping[str, Any] | None = None
    ) -> None:
        """Take a result over: later ones go, the session shows it, observers are told.

        `made` is the result, its call, choices and remarks, `begun` what `_below` said when the
        work began.
        """
        with self.lock:
            if begun is not None and not _same(begun, self._below(step)):
                # Of data that are no longer there: its program would tell another story.
                raise DataError(
                    f"{step.title}: an earlier step was done again or taken back meanwhile",
                    fix="run this step again",
                )
            before = self._every()
            kept = self._without(step)
            self._replace([{**old, step.name: new} for old, new in zip(kept, made, strict=True)])
            try:
                step.accept(self, made[0])
                if step.name == "references" and "method" in before[0]:
                    show_maps(self, self.step)  # those of the old references have gone
                if self.session is not None and self.session.owner is None:
                    self.session.owner = FlowOwner(self)
            except Exception:
                # What the session refuses is no result: everything stays as it was.
                self.products, self.calls, self.chosen, self.remarks = before
                raise
        self._tell()

    def _every(self) -> tuple[Mapping[str, Any], ...]:
        return self.products, self.calls, self.chosen, self.remarks

    def _replace(self, parts: Iterable[Mapping[str, Any]]) -> None:
        self.products, self.calls, self.chosen, self.remarks = map(MappingProxyType, parts)

    def _without(self, step: Step) -> list[dict[str, Any]]:
        """Results, calls, choices, remarks without those of a step and all that builds on it."""
        gone = {other.name for other in STEPS if _builds_on(other, step.name)} | {step.name}
        return [{n: v for n, v in part.items() if n not in gone} for part in self._every()]

    def _below(self, step: Step) -> dict[str, Any]:
        """Results that a step builds on."""
        return {n: v for n, v in self.products.items() if _builds_on(step, n)}

    def _tell(self) -> None:
        with self.lock:
            observers = tuple(self._observers)
        for observer in observers:
            try:
                observer()
            except Exception:
                logger.exception("a view could not follow the workflow")

    def take_back(self, name: str) -> None:
        """Undo a step: its result goes, with all that builds on it; what was before is shown.

        Parameters
        ----------
        name : str
            A step that has been done; the file that was opened stays open.

        Raises
        ------
        ParameterError
            If there is no such step.
        DataError
            If it has not been done, or is the opening of the file.
        """
        step = self.step(name)
        with self.lock:
            if name not in self.products or name == "open":
                raise DataError(
                    f"{step.title}: there is nothing to take back",
                    fix="open another file instead" if name == "open" else None,
                )
            self._replace(self._without(step))
            show_rest(self, name, self.step)
        self._tell()

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
