"""Run the reports of a batch side by side on this machine, each in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

#: A task as the child reads it: name, template, parameters, out, formats.
Job = dict[str, Any]
#: What comes back: error (empty for none) and seconds.
Outcome = dict[str, Any]
#: What runs one job, see `child`.
CHILD = (sys.executable, "-m", "socwidgets.reports.batch.child")
Follow = Callable[[subprocess.Popen[str], bool], None]


class Runner:
    """Starts processes, at most `workers` at a time, and can stop them all."""

    def __init__(self, workers: int, command: Sequence[str] = CHILD) -> None:
        self._command = command
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="socwidgets-batch")
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(self, jobs: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Yield every job with its outcome, in the order in which they finish."""
        waiting: dict[Future[Outcome], Job] = {
            self._pool.submit(run_in_child, job, self._command, self._follow): job for job in jobs
        }
        while waiting:
            done, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                yield waiting.pop(future), future.result()

    def close(self) -> None:
        """Stop what still runs and wait until it has cleaned up behind itself."""
        with self._lock:
            self._stopped = True
            running = tuple(self._running)
        for process in running:
            if process.stdin is not None:
                process.stdin.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _follow(self, process: subprocess.Popen[str], starts: bool) -> None:
        with self._lock:
            (self._running.add if starts else self._running.discard)(process)
            if starts and self._stopped and process.stdin is not None:
                process.stdin.close()


def run_in_child(job: Job, command: Sequence[str] = CHILD, follow: Follow | None = None) -> Outcome:
    """Run one job in a new process and return its outcome, whatever happens to the process."""
    began = time.perf_counter()
    # In a group of its own, so that Ctrl-C reaches this process alone and it decides what follows.
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        encoding="utf-8", start_new_session=True,
    )  # fmt: skip
    pipes = (process.stdin, process.stdout, process.stderr)
    stdin, stdout, stderr = (pipe for pipe in pipes if pipe is not None)
    notes: list[str] = []
    reader = threading.Thread(target=lambda: notes.extend(stderr), daemon=True)
    reader.start()
    try:
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()
        if follow is not None:
            follow(process, True)
        printed = stdout.read().splitlines()
        code = process.wait()
        reader.join(timeout=5)
    except OSError as error:
        process.kill()
        code, printed, notes = process.wait(), [], [str(error)]
    finally:
        if follow is not None:
            follow(process, False)
        for pipe in (stdin, stdout, stderr):
            if not pipe.closed:
                pipe.close()
    if code == 0 and printed:
        return json.loads(printed[-1])
    return {"error": _crash(code, notes), "seconds": round(time.perf_counter() - began, 2)}


def _crash(code: int, notes: list[str]) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"the process of this report was ended by {name}{hint}"
    if code == 130:
        return "this report was stopped"
    last = next((line.strip() for line in reversed(notes) if line.strip()), "no message")
    return f"the process of this report failed with exit code {code}\n  found: {last}"
