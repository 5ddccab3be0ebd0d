"""Long work off the main thread: progress, cancel, errors; and the same inline for reports.

Widget callbacks may run on the main thread or on a kernel subshell's, and neither may wait for a
fit. So every long piece of work is a `Job` in a thread of its own, whose compiled parts release
the GIL; an inline runner with the same interface serves tests and reports.
"""

from __future__ import annotations

import contextvars
import enum
import inspect
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from socwidgets.model.errors import CancelledError, SocwidgetsError

logger = logging.getLogger(__name__)

#: Seconds between two progress notifications of one job; the last one always gets through.
PROGRESS_INTERVAL_S = 0.05


class JobState(enum.StrEnum):
    """Where a job stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class Work(Protocol):
    """A function that can be run as a job."""

    def __call__(self, *, progress: Callable[[int, int], None], cancel: threading.Event) -> Any:
        """Call ``progress(done, total)`` now and then, stop soon after `cancel` is set."""


JobCallback = Callable[["Job"], None]

#: Seconds that cancelled work has to stop by itself; then it is left alone.
LEAVE_S = 0.5
#: Seconds between two looks at work that says nothing about its progress.
_LOOK_S = 0.05


def abandonable(function: Callable[..., Any], *args: Any, **keywords: Any) -> Work:
    """Work of any function, which ends soon after a cancel whatever the function does.

    The function runs in a thread of its own, with ``progress`` and ``cancel`` if it takes these: a
    cancel then stops it between two of its parts. One that has not stopped after `LEAVE_S`, or
    knows no cancel, is left alone: it goes on to the end of the part unheard, and what it returns
    or raises is dropped.
    """
    known = inspect.signature(function).parameters
    told = "progress" in known and "cancel" in known

    def work(*, progress: Callable[[int, int], None], cancel: threading.Event) -> Any:
        if cancel.is_set():
            raise CancelledError("cancelled")
        found: dict[str, Any] = {}

        def heard(done: int, total: int) -> None:
            if not cancel.is_set():
                progress(done, total)

        watch = {"progress": heard, "cancel": cancel} if told else {}

        def run() -> None:
            try:
                found["result"] = function(*args, **keywords, **watch)
            except BaseException as error:
                found["error"] = error

        here = contextvars.copy_context().run
        thread = threading.Thread(None, here, "socwidgets-abandonable", (run,), daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(_LOOK_S)
            if cancel.is_set():
                thread.join(LEAVE_S if told else 0.0)
                raise CancelledError("cancelled")
            if not told:
                progress(0, 0)
        if "error" in found:
            raise found["error"]
        return found["result"]

    return work


class Job:
    """One piece of long work and what became of it.

    Attributes
    ----------
    name : str
        Jobs of the same name supersede each other within a runner.
    state : JobState
        Never goes back.
    progress : (int, int)
        Done and total, in units of the work's own; ``(0, 0)`` before the first report.
    result : object
        What the work returned; None unless the state is ``done``.
    error : BaseException or None
        What the work raised; kept even where the job was cancelled at the same time.
    cancel_event : threading.Event
        Handed to the work.
    seconds : float
        Time the work took (so far).
    """

    def __init__(self, name: str, work: Work) -> None:
        self.name = name
        self.state = JobState.PENDING
        self.progress = (0, 0)
        self.result: Any = None
        self.error: BaseException | None = None
        self.cancel_event = threading.Event()
        self._work = work
        self._lock = threading.RLock()
        self._finished = threading.Event()
        self._callbacks: list[JobCallback] = []
        self._started = self._ended = 0.0
        self._last_notice = 0.0

    @property
    def seconds(self) -> float:
        """Time the work took (so far), in s; 0 before it starts."""
        if not self._started:
            return 0.0
        return (self._ended or time.monotonic()) - self._started

    def on_change(self, callback: JobCallback) -> None:
        """Call ``callback(job)`` at every change of state and now and then at progress.

        It is called from the job's thread, or at once if the job has already finished. One that
        raises is logged and disturbs neither the job nor the others.
        """
        with self._lock:
            self._callbacks.append(callback)
            late = self.state.finished
        if late:
            self._call(callback)

    def cancel(self) -> None:
        """Ask the work to stop; results made before are untouched. Does not wait."""
        self.cancel_event.set()
        if self._move(JobState.CANCELLED, only_from=JobState.PENDING):
            self._finish()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the job has finished and its callbacks were called; False on timeout."""
        return self._finished.wait(timeout)

    def run(self) -> None:
        """Do the work in the calling thread; a runner calls it. Errors end up in `error`."""
        if not self._move(JobState.RUNNING, only_from=JobState.PENDING):
            return
        self._started = time.monotonic()
        self._notify()
        try:
            result = self._work(progress=self._report, cancel=self.cancel_event)
        except CancelledError as error:
            self._end(JobState.CANCELLED, error=error)
        except Exception as error:
            _log_failure(self.name, error)
            cancelled = self.cancel_event.is_set()
            self._end(JobState.CANCELLED if cancelled else JobState.FAILED, error=error)
        except BaseException as error:
            # An inline job may be stopped by Ctrl-C or the interpreter's exit: record, pass on.
            self._end(JobState.CANCELLED, error=error)
            raise
        else:
            # A result that nobody wants any more must not replace what stands.
            if self.cancel_event.is_set():
                self._end(JobState.CANCELLED)
            else:
                self._end(JobState.DONE, result=result)

    def _report(self, done: int, total: int) -> None:
        with self._lock:
            self.progress = (int(done), int(total))
            now = time.monotonic()
            due = now - self._last_notice >= PROGRESS_INTERVAL_S or done >= total > 0
            if due:
                self._last_notice = now
        if due:
            self._notify()

    def _move(self, state: JobState, *, only_from: JobState) -> bool:
        with self._lock:
            if self.state != only_from:
                return False
            self.state = state
            return True

    def _end(
        self, state: JobState, *, result: Any = None, error: BaseException | None = None
    ) -> None:
        with self._lock:
            self._ended = time.monotonic()
            self.result, self.error = result, error
            self.state = state
        self._finish()

    def _finish(self) -> None:
        try:
            self._notify()
        finally:
            self._finished.set()

    def _notify(self) -> None:
        with self._lock:
            callbacks = tuple(self._callbacks)
        for callback in callbacks:
            self._call(callback)

    def _call(self, callback: JobCallback) -> None:
        try:
            callback(self)
        except Exception:
            logger.exception("a callback of job %r failed", self.name)


class JobRunner:
    """Starts jobs, one thread each, and knows the latest one of every name.

    Parameters
    ----------
    inline : bool
        Run each job in the calling thread, before `submit` returns: for tests and reports.
    """

    def __init__(self, *, inline: bool = False) -> None:
        self.inline = inline
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def submit(self, name: str, work: Work, *, on_change: JobCallback | None = None) -> Job:
        """Start `work` as a job; an unfinished job of the same name is cancelled.

        Parameters
        ----------
        name : str
            What the job is about, for instance ``"fit"``.
        work : callable
            ``work(progress=..., cancel=...)``.
        on_change : callable, optional
            As for `Job.on_change`, in time for the first change.
        """
        job = Job(name, work)
        if on_change is not None:
            job.on_change(on_change)
        with self._lock:
            old, self._jobs[name] = self._jobs.get(name), job
        if old is not None and not old.state.finished:
            old.cancel()
        if self.inline:
            job.run()
        else:
            threading.Thread(target=job.run, name=f"socwidgets-{name}", daemon=True).start()
        return job

    def latest(self, name: str) -> Job | None:
        """Return the job that was started last under this name, or None."""
        with self._lock:
            return self._jobs.get(name)

    def cancel(self, name: str) -> None:
        """Ask the latest job of this name to stop, if it still runs. Does not wait."""
        job = self.latest(name)
        if job is not None and not job.state.finished:
            job.cancel()

    def close(self) -> None:
        """Cancel everything that still runs. Does not wait."""
        with self._lock:
            jobs = tuple(self._jobs.values())
        for job in jobs:
            if not job.state.finished:
                job.cancel()


def _log_failure(name: str, error: BaseException) -> None:
    """Refused input is said where the job was started; only a fault needs its traceback."""
    if isinstance(error, SocwidgetsError):
        logger.info("job %r: %s", name, error)
    else:
        logger.error("job %r failed", name, exc_info=error)
