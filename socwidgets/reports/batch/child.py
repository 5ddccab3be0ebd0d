"""One report in a process of its own: a crash, or a full memory, ends this report only.

Run as ``python -m socwidgets.reports.batch.child``: one line of JSON on the standard input says
what to do; the outcome is the last line of the standard output. The input stays open: when it
ends, whoever wanted the report is gone (or has cancelled), and the process gives up, so that no
orphan goes on writing where a second attempt is going to write.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import Any

#: Seconds after which a process that was told to stop is ended without further questions.
GRACE_S = 15.0


def main() -> int:
    """Read one task, run it, print its outcome."""
    task = json.loads(sys.stdin.readline())
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    print(json.dumps(run_here(task)), flush=True)
    return 0


def run_here(task: dict[str, Any]) -> dict[str, Any]:
    """Run a report in this process and say how it went; errors that we expect become text."""
    from socwidgets.model.errors import SocwidgetsError
    from socwidgets.reports.run import run_report

    began = time.perf_counter()
    try:
        run_report(task["template"], task["parameters"], task["out"], task["formats"])
        error = ""
    except SocwidgetsError as problem:
        error = str(problem)
    return {"error": error, "seconds": round(time.perf_counter() - began, 2)}


def _stop_with_parent() -> None:
    while sys.stdin.read(1):
        pass
    # A signal, because it also wakes a main thread that waits for its kernel; the way out removes
    # what was half-written.
    signal.raise_signal(signal.SIGINT)
    time.sleep(GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
