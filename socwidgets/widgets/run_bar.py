"""A button that starts long work, its progress, its cancel button, and what became of it."""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets

from socwidgets.analysis.compile_watch import TELL_AFTER_S
from socwidgets.jobs import Job, JobState
from socwidgets.kernels.compiling import under_way
from socwidgets.model.errors import SocwidgetsError
from socwidgets.widgets.safe import ErrorBar, Guard
from socwidgets.widgets.subshell import answer_beside_cells

#: Said about a finished job; None leaves it to the default.
Words = Callable[[Job], str | None]


#: Seconds, and share of the work, from which the rest of the time is guessed.
GUESS_AFTER_S, GUESS_SHARE = 4.0, 0.03
WAITING = "socwidgets-waiting"


class RunBar(ipywidgets.VBox):
    """Start, progress, cancel and outcome of one kind of job; errors stay in the bar.

    Parameters
    ----------
    words, tooltip : str
        Of the start button.
    start : callable
        Starts the job and returns it; what it raises is shown here. It should give the job
        `follow` as a callback.
    done : callable, optional
        ``done(job) -> text`` about a job that went well.
    icon : str
        Of the start button.
    """

    def __init__(
        self, words: str, tooltip: str, start: Callable[[], Job | None], *,
        done: Words | None = None, icon: str = "play",
    ) -> None:  # fmt: skip
        self._start, self._done = start, done
        self.job: Job | None = None
        self.error = ErrorBar()
        self.guard = Guard(self.error.show)
        self.start = ipywidgets.Button(
            description=words, icon=icon, button_style="primary", tooltip=tooltip,
            layout={"width": "auto", "min_width": "120px"},
        )  # fmt: skip
        self.cancel = ipywidgets.Button(
            description="Cancel", icon="stop", disabled=True, layout={"width": "92px"},
            tooltip="Stop this; what was there before stays",
        )  # fmt: skip
        answer_beside_cells(self.cancel)
        self.bar = ipywidgets.IntProgress(
            value=0, max=100, layout={"width": "150px", "display": "none"},
            style={"bar_color": "#0969da"},
        )  # fmt: skip
        self.status = ipywidgets.HTML(layout={"flex": "1 1 180px", "min_width": "140px"})
        line = ipywidgets.HBox(
            [self.start, self.cancel, self.bar, self.status],
            layout={"flex_flow": "row wrap", "align_items": "center", "grid_gap": "2px 8px"},
        )
        super().__init__([line, self.error], layout={"min_width": "0"})
        self.add_class("socwidgets-run")
        self.start.on_click(self.guard(lambda _b: self.run()))
        self.cancel.on_click(self.guard(lambda _b: self.stop()))

    def run(self) -> Job | None:
        """Start the job, as the button does; errors are shown, not raised."""
        self.error.clear()
        try:
            job = self._start()
        except SocwidgetsError as error:
            self.guard.report(error)
            return None
        return job

    def stop(self) -> None:
        """Ask the running job to stop."""
        if self.job is not None and not self.job.state.finished:
            self.job.cancel()
            self.say("Cancelling")

    def follow(self, job: Job) -> None:
        """Show how a job stands; give it to the job as its callback."""
        self.job = job
        running = not job.state.finished
        self.cancel.disabled = not running
        self.bar.layout.display = "flex" if running else "none"
        done, total = job.progress
        self.bar.value = round(100 * done / total) if total else 0
        # Work that cannot say how far it is: the bar moves, without an end.
        (self.bar.add_class if running and not total else self.bar.remove_class)(WAITING)
        if running:
            self.say(_running_words(job))
        elif job.state == JobState.DONE:
            text = self._done(job) if self._done is not None else None
            self.say(text if text is not None else f"Done in {max(job.seconds, 0.01):.2g} s")
        elif job.state == JobState.CANCELLED:
            self.say("Cancelled; what was there before stays")
        else:
            self.say("Failed")
            self.guard.report(job.error or RuntimeError("the work failed"))

    def say(self, text: str) -> None:
        """Show one line, which a screen reader reads out."""
        value = f'<span role="status" aria-live="polite">{html.escape(text)}</span>' if text else ""
        if self.status.value != value:
            self.status.value = value


def _running_words(job: Job) -> str:
    if job.cancel_event.is_set():
        return "Cancelling"
    done, total = job.progress
    waiting = "" if done else compiling_words()
    if waiting:
        return waiting.capitalize()
    if total:
        return f"{round(100 * done / total)} %{_left(job.seconds, done / total)}"
    return f"Working, {job.seconds:.0f} s" if job.seconds >= 1 else "Working"


def compiling_words() -> str:
    """That work waits for a kernel to be compiled, which happens once; empty if it does not."""
    return "compiling, only the first time on this machine" if under_way(TELL_AFTER_S) else ""


def _left(seconds: float, share: float) -> str:
    """How long it will take still, once that can be guessed; empty before."""
    if seconds < GUESS_AFTER_S or share < GUESS_SHARE:
        return ""
    left = seconds * (1 - share) / share
    if left >= 90:
        return f", about {left / 60:.0f} min left"
    return f", about {max(5 * round(left / 5), 5):.0f} s left" if left > 3 else ""
