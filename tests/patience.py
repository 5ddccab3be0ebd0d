"""Waiting in tests: for what must happen, and as long as a busy machine may need.

Nothing that is waited for here is expected to take long. The limit is far beyond what any machine
needs, so that a test fails when something hangs and never because something else was running.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 120.0


def until(condition: Callable[[], Any], what: str = "", pause_s: float = 0.01) -> Any:
    """Wait until `condition` holds and return its value."""
    end = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < end, what or "it never came"
        time.sleep(pause_s)
    return value


def ended(thread: threading.Thread) -> bool:
    """Whether a thread ends."""
    thread.join(PATIENCE_S)
    return not thread.is_alive()
