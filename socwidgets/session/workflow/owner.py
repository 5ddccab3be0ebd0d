"""A workflow in the place of its session: what a drag changes is a result of a step, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from socwidgets.jobs import Job, JobCallback, JobState
from socwidgets.session.session import Session

if TYPE_CHECKING:
    from socwidgets.analysis.calibration import Calibration

METHOD, CALIBRATION = "method", "calibration"


class Steps(Protocol):
    """What starts steps and remembers how they were done: a workflow."""

    session: Session | None
    chosen: Mapping[str, Mapping[str, Any]]

    def start(
        self, name: str, inputs: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None, on_change: JobCallback | None = None,
    ) -> Job:  # fmt: skip
        """Start a step as a job."""


class FlowOwner:
    """Does again the steps that a drag in a view of the session has changed.

    Parameters
    ----------
    flow : Steps
        Its steps keep their inputs; what later steps made goes, as always.
    """

    def __init__(self, flow: Steps) -> None:
        self._flow = flow

    def fit(self, method: str, params: Mapping[str, Any]) -> None:
        """Fit all pixels anew, and calibrate as before."""
        before = self._flow.chosen.get(METHOD, {})
        inputs = {"method": method, **_some(before, "pixels")}
        calibrated = self._flow.chosen.get(CALIBRATION)

        def then(job: Job) -> None:
            if job.state == JobState.DONE and calibrated is not None:
                rest = {k: v for k, v in calibrated.items() if k != "by"}
                self._flow.start(CALIBRATION, _some(calibrated, "by"), rest, self._told)
            elif job.state.finished and job.state != JobState.DONE:
                self._told(job)

        self._flow.start(METHOD, inputs, params, then)

    def calibrate(self, calibration: Calibration) -> None:
        """Calibrate the fit anew."""
        from socwidgets.analysis.calibration import TwoPoint

        by = "two_point" if isinstance(calibration, TwoPoint) else "standards"
        self._flow.start(CALIBRATION, {"by": by}, calibration.to_dict(), self._told)

    def _told(self, job: Job) -> None:
        """A step that failed leaves no coarse maps behind, and says why where people look."""
        session = self._flow.session
        if session is None or not job.state.finished or job.state == JobState.DONE:
            return
        session.end_preview()
        if job.state == JobState.FAILED:
            session.show_error(f"{job.name.removeprefix('step ')}: {job.error}")


def _some(chosen: Mapping[str, Any], name: str) -> dict[str, str]:
    return {name: str(chosen[name])} if name in chosen else {}
