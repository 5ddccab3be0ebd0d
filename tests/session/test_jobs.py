"""Jobs: progress, cancel from a busy kernel, errors that stay, superseding, inline runs."""

from __future__ import annotations

import threading

import numba
import numpy as np
import pytest
from patience import PATIENCE_S, until

from socwidgets.jobs import JobRunner, JobState
from socwidgets.model.errors import CancelledError


@numba.njit(nogil=True)
def spin(n):
    total = 0.0
    for i in range(n):
        total += np.sin(i * 0.5)
    return total


def counting(total):
    def work(*, progress, cancel):
        for done in range(total):
            if cancel.is_set():
                raise CancelledError
            progress(done + 1, total)
        return total

    return work


@pytest.mark.parametrize("inline", [True, False])
def test_a_job_reports_progress_and_result(inline, monkeypatch):
    monkeypatch.setattr("socwidgets.jobs.PROGRESS_INTERVAL_S", 3600.0)
    seen = []
    job = JobRunner(inline=inline).submit(
        "count", counting(1000), on_change=lambda j: seen.append((j.state, j.progress))
    )
    assert job.wait(PATIENCE_S)
    assert job.state == JobState.DONE
    assert job.result == 1000
    assert job.error is None
    assert seen[0] == (JobState.RUNNING, (0, 0))
    assert (JobState.RUNNING, (1000, 1000)) in seen
    assert seen[-1] == (JobState.DONE, (1000, 1000))
    # Throttled: a thousand steps within the interval must not become a thousand messages.
    assert len(seen) <= 4


def test_inline_runs_before_submit_returns_and_in_this_thread():
    where = []

    def work(*, progress, cancel):
        where.append(threading.current_thread())

    job = JobRunner(inline=True).submit("here", work)
    assert job.state == JobState.DONE
    assert where == [threading.current_thread()]


def test_an_error_is_kept_and_logged(caplog):
    def work(*, progress, cancel):
        raise ValueError("no such thing")

    job = JobRunner().submit("bad", work)
    assert job.wait(PATIENCE_S)
    assert job.state == JobState.FAILED
    assert isinstance(job.error, ValueError)
    assert job.result is None
    assert "no such thing" in caplog.text


def test_a_failing_callback_hurts_nobody(caplog):
    seen = []

    def bad(job):
        raise RuntimeError("broken view")

    runner = JobRunner()
    release = threading.Event()

    def work(*, progress, cancel):
        release.wait(PATIENCE_S)
        return 7

    job = runner.submit("x", work, on_change=bad)
    job.on_change(lambda j: seen.append(j.state))
    release.set()
    assert job.wait(PATIENCE_S)
    assert job.result == 7
    assert seen[-1] == JobState.DONE
    assert "broken view" in caplog.text


def test_callback_added_late_is_told_at_once():
    job = JobRunner(inline=True).submit("x", counting(3))
    seen = []
    job.on_change(lambda j: seen.append(j.state))
    assert seen == [JobState.DONE]


def test_cancel_stops_after_a_chunk_while_the_main_thread_computes():
    spin(10)
    reached = []

    def work(*, progress, cancel):
        for done in range(1_000_000):
            if cancel.is_set():
                raise CancelledError
            spin(1_000_000)
            progress(done + 1, 1_000_000)

    def press():
        until(lambda: job.progress[0] > 2)
        job.cancel()
        reached.append(job.progress[0])

    job = JobRunner().submit("spin", work)
    canceller = threading.Thread(target=press)
    canceller.start()
    # The kernel is busy with a cell of its own: numpy work and pure Python in turns.
    while not job.state.finished:
        float(np.sin(np.arange(20000)).sum())
    canceller.join()
    assert job.state == JobState.CANCELLED
    assert job.progress[0] <= reached[0] + 1  # the chunk that it was in


def test_cancelled_before_it_starts():
    runner = JobRunner()
    job = runner.submit("x", counting(10))
    assert job.wait(PATIENCE_S)
    from socwidgets.jobs import Job

    idle = Job("idle", counting(10))
    idle.cancel()
    assert idle.state == JobState.CANCELLED
    idle.run()
    assert idle.progress == (0, 0)


def test_a_result_after_cancel_is_dropped():
    started, release = threading.Event(), threading.Event()

    def deaf(*, progress, cancel):
        started.set()
        release.wait(PATIENCE_S)
        return "late"

    job = JobRunner().submit("deaf", deaf)
    assert started.wait(PATIENCE_S)
    job.cancel()
    release.set()
    assert job.wait(PATIENCE_S)
    assert job.state == JobState.CANCELLED
    assert job.result is None


def test_a_new_job_supersedes_the_old_of_the_same_name_only():
    runner = JobRunner()
    started, release = threading.Event(), threading.Event()

    def patient(*, progress, cancel):
        started.set()
        while not cancel.wait(0.005):
            if release.is_set():
                return "other"
        raise CancelledError

    old, other = runner.submit("fit", patient), runner.submit("warm-up", patient)
    assert started.wait(PATIENCE_S)
    new = runner.submit("fit", counting(5))
    assert old.wait(PATIENCE_S)
    assert new.wait(PATIENCE_S)
    assert old.state == JobState.CANCELLED
    assert new.state == JobState.DONE
    assert runner.latest("fit") is new
    release.set()
    assert other.wait(PATIENCE_S)
    assert other.result == "other"


def test_close_cancels_everything():
    runner = JobRunner()

    def forever(*, progress, cancel):
        cancel.wait(PATIENCE_S)
        raise CancelledError

    jobs = [runner.submit(name, forever) for name in "abc"]
    runner.close()
    assert all(job.wait(PATIENCE_S) for job in jobs)
    assert {job.state for job in jobs} == {JobState.CANCELLED}
