"""Progress and cancel of lazy arrays while they are computed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from socwidgets.model.watch import Watch


@contextmanager
def graph_watched_by(watch: Watch) -> Iterator[None]:
    """Tell a watch about every task of the dask graphs that this thread computes in the block.

    A cancel ends the computation before the next task. Nothing happens without dask, and for
    graphs that a cluster computes.
    """
    try:
        from dask.callbacks import Callback
    except ImportError:
        yield
        return
    # dask calls back for every graph of the process, whichever thread computes it.
    here = threading.get_ident()

    def told(_key: Any, _value: Any, _graph: Any, state: Any, _worker: Any) -> None:
        if threading.get_ident() == here:
            done = len(state["finished"])
            waiting = sum(len(state[name]) for name in ("ready", "waiting", "running"))
            watch(done, done + waiting)

    with Callback(posttask=told):
        yield
