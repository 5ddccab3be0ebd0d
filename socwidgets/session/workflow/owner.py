"""A workflow in the place of its session: what a drag changes is a result of a step, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from socwidgets.jobs import Job, JobState

if TYPE_CHECKING:
    from socwidgets.analysis.calibration import Calibration
    from socwidgets.session.workflow.flow import Workflow

METHOD, CALIBRATION = "method", "calibration"


class FlowOwner:
    """Does again the steps that a drag in a view of the session has changed.

    Parameters
    ----------
    flow : Workflow
        Its steps keep their inputs; what later steps made goes, as always.
    """

    def __init__(self, flow: Workflow) -> None:
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
