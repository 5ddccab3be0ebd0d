"""Work on the frames of a stack in threads of ours, with results in the frames' own order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from socwidgets.analysis.blocks import processors
from socwidgets.analysis.compile_watch import give_up_if
from socwidgets.model.watch import NOBODY, Watch

Result = TypeVar("Result")


def each_frame(
    work: Callable[[int], Result], frames: Iterable[int], watch: Watch = NOBODY
) -> Iterator[tuple[int, Result]]:
    """Each frame's number and ``work(number)``, in order, while the next ones are worked on.

    Sums over the results therefore do not depend on the number of threads. No more frames are
    begun than there are processors, and one more, so that little is held at once.

    Parameters
    ----------
    work : callable
        Of a frame's number; called in other threads.
    frames : iterable of int
        Numbers of the frames.
    watch : Watch
        Told before each result; its cancel stops after the frames that have begun.
    """
    numbers = [int(number) for number in frames]
    workers = min(processors(), len(numbers))
    if workers < 2:
        for done, number in enumerate(numbers):
            watch(done, len(numbers))
            yield number, work(number)
        return
    ahead: deque[Future[Result]] = deque()
    ended = threading.Event()

    def guarded(number: int) -> Result:
        with give_up_if(ended, watch.cancel):
            return work(number)

    pool = ThreadPoolExecutor(workers, thread_name_prefix="socwidgets-frames")
    try:
        for number in numbers[: workers + 1]:
            ahead.append(pool.submit(guarded, number))
        for done, number in enumerate(numbers):
            watch(done, len(numbers))
            found = ahead.popleft().result()
            if done + workers + 1 < len(numbers):
                ahead.append(pool.submit(guarded, numbers[done + workers + 1]))
            yield number, found
    finally:
        # Whatever ends the loop (cancel, Ctrl-C, an error): frames that wait are not begun.
        ended.set()
        pool.shutdown(wait=True, cancel_futures=True)
