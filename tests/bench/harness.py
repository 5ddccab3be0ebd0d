"""How benchmarks are measured and written down: in turns, medians, always against something named.

A benchmark file is ``bench_*.py`` with ``cases() -> iterable of Case`` (one callable against
others) or ``rows() -> iterable of Row`` (anything else: memory, scaling, start-up), or both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

#: Runs of each callable that count; one more comes first, to compile and to touch memory.
REPEATS = 7

#: An alternative: the callable (None where it is not installed), by what its time is multiplied
#: (it may do a part of the work), and the ratio to ours that is to be reached (0: none).
Other = tuple[Callable[[], object] | None, float, float]


@dataclass
class Case:
    """One thing that is timed against others.

    Attributes
    ----------
    name : str
        What is timed.
    ours : callable
        Our way.
    others : dict
        `Other` by name.
    """

    name: str
    ours: Callable[[], object]
    others: dict[str, Other] = field(default_factory=dict)


@dataclass
class Row:
    """One line of the table; texts, except for the verdict.

    Attributes
    ----------
    name, ours, other, theirs, ratio, target : str
        What was done, our figure, the alternative's name and figure, ratio and what it should be.
    good : bool or None
        Whether the target is reached; None if there is none.
    """

    name: str
    ours: str
    other: str = ""
    theirs: str = ""
    ratio: str = ""
    target: str = ""
    good: bool | None = None


def seconds(value: float) -> str:
    """A time in the unit that reads best."""
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "us")):
        if value * factor >= 1.0:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def medians(
    functions: dict[str, Callable[[], object]],
    repeats: int = REPEATS,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Median seconds of each callable, called in turns."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for run in range(repeats + 1):
        for name, function in functions.items():
            start = clock()
            function()
            if run:
                times[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def measure(case: Case, repeats: int = REPEATS) -> Iterator[Row]:
    """Time a case; one row per alternative.

    The clock is that of the processor time of all threads: what else runs on the machine delays a
    long call more often than a short one, and would decide the ratio.
    """
    present = {name: other[0] for name, other in case.others.items() if other[0] is not None}
    found = medians({"ours": case.ours, **present}, repeats, time.process_time)
    if not case.others:
        yield Row(case.name, seconds(found["ours"]))
    for name, (function, factor, target) in case.others.items():
        wanted = f">= {target:.3g}" if target else ""
        if function is None:
            yield Row(case.name, seconds(found["ours"]), name, "not installed", "", wanted)
            continue
        ratio = found[name] * factor / found["ours"]
        yield Row(
            case.name,
            seconds(found["ours"]),
            name,
            seconds(found[name] * factor),
            f"{ratio:.3g}",
            wanted,
            ratio >= target if target else None,
        )
