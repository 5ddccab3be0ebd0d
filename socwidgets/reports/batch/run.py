"""Run a batch: plan, skip what is done, run the rest, write the table and the page."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socwidgets.model.errors import OutputError, ParameterError
from socwidgets.reports.batch.cluster import ClusterRunner
from socwidgets.reports.batch.journal import JOURNAL, Entry, append, is_done, read_journal
from socwidgets.reports.batch.local import Runner
from socwidgets.reports.batch.page import write_index, write_summary
from socwidgets.reports.batch.plan import Task, plan_batch
from socwidgets.reports.run import DEFAULT_FORMATS, parse_formats

#: ``progress(entry, done, total)`` after every report.
BatchProgress = Callable[[Entry, int, int], None]

REPORTS = "reports"
SUMMARY, INDEX = "summary.csv", "index.html"


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch left: its folder, one entry per scan, the table and the page."""

    folder: Path
    entries: tuple[Entry, ...]
    summary: Path
    index: Path

    @property
    def failed(self) -> tuple[Entry, ...]:
        """Entries of the scans without a report."""
        return tuple(entry for entry in self.entries if entry.error)


def run_batch(
    template: str,
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    parameters: Mapping[str, Any] | None = None,
    *,
    to: Iterable[str] = DEFAULT_FORMATS,
    workers: int = 2,
    dask: str | None = None,
    progress: BatchProgress | None = None,
) -> BatchResult:
    """Make one report of every scan in a table or folder.

    A scan that fails does not stop the others; its error is in the table and on the page. A batch
    that was interrupted goes on where it stopped when it is run again: reports whose parameters,
    inputs and version are unchanged are kept, failed ones are tried again.

    Parameters
    ----------
    template : str
        Report template.
    source : path-like
        CSV table (columns are parameters, ``name`` names the scan) or folder of scans.
    out : path-like
        Folder of the batch: new, empty, or that of the same batch before.
    parameters : mapping, optional
        Values for every scan.
    to : iterable of str
        Formats of each report, as for `run_report`; numbers are always kept.
    workers : int
        Reports that are made at a time on this machine.
    dask : str, optional
        Address of a dask scheduler that runs them instead; its workers must see the same files.
    progress : callable, optional
        ``progress(entry, done, total)``.

    Returns
    -------
    BatchResult

    Raises
    ------
    ReadError
        If there is no table or folder, or no scan in it.
    ParameterError
        If a column or parameter does not exist, or no scheduler answers.
    OutputError
        If the folder cannot be written, is not a batch's, or another batch is writing it.
    """
    if workers < 1:
        raise ParameterError("a batch needs a worker", expected="1 or more", found=str(workers))
    formats = [kind for kind in parse_formats(to) if kind != "notebook"]
    formats = list(dict.fromkeys([*formats, "json"]))
    tasks = plan_batch(template, Path(source), parameters or {})
    with _batch_folder(Path(out)) as folder:
        entries = _settled(tasks, folder)
        total = len(tasks)
        for number, entry in enumerate(entries.values(), start=1):
            if progress is not None:
                progress(entry, number, total)
        open_tasks = {task.name: task for task in tasks if task.name not in entries}
        try:
            for entry in _run(open_tasks, folder, formats, workers, dask):
                entries[entry.name] = entry
                append(folder / JOURNAL, entry)
                if progress is not None:
                    progress(entry, len(entries), total)
        finally:
            # Also after an interruption: the page then shows what there is.
            ordered = tuple(entries[task.name] for task in tasks if task.name in entries)
            write_summary(folder / SUMMARY, folder / REPORTS, ordered)
            write_index(folder / INDEX, folder / REPORTS, template, ordered, total)
    return BatchResult(folder, ordered, folder / SUMMARY, folder / INDEX)


def _settled(tasks: list[Task], folder: Path) -> dict[str, Entry]:
    """Reports that need not be made: those that are there, and those that cannot be begun."""
    journal = read_journal(folder / JOURNAL)
    found = {}
    for task in tasks:
        entry = journal.get(task.name)
        if task.problem:
            found[task.name] = Entry(task.name, "", task.problem)
        elif entry is not None and is_done(task, entry, folder / REPORTS / task.name):
            found[task.name] = dataclasses.replace(entry, resumed=True)
    return found


def _run(
    tasks: dict[str, Task], folder: Path, formats: list[str], workers: int, dask: str | None
) -> Iterator[Entry]:
    if not tasks:
        return
    jobs = [
        {
            "name": task.name,
            "template": task.template,
            "parameters": task.parameters,
            "out": str(folder / REPORTS / task.name),
            "formats": formats,
        }
        for task in tasks.values()
    ]
    runner: Runner | ClusterRunner = ClusterRunner(dask) if dask else Runner(workers)
    try:
        for job, outcome in runner.run(jobs):
            task = tasks[job["name"]]
            seconds = float(outcome["seconds"])
            yield Entry(task.name, task.fingerprint, str(outcome["error"]), seconds)
    finally:
        runner.close()


@contextmanager
def _batch_folder(folder: Path) -> Iterator[Path]:
    """Open the folder of a batch for writing, alone; remove what a killed run left inside."""
    from socwidgets.io.lock import output_lock
    from socwidgets.io.output_errors import translated

    target = Path(os.path.realpath(folder.expanduser()))
    with translated(target):
        _require_batch(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with output_lock(target):
            (target / REPORTS).mkdir(parents=True, exist_ok=True)
            (target / JOURNAL).touch()
            for left in (target / REPORTS).glob(".*.part"):
                shutil.rmtree(left, ignore_errors=True)
            yield target


def _require_batch(target: Path) -> None:
    if not target.exists():
        return
    names = sorted(path.name for path in target.iterdir()) if target.is_dir() else ["a file"]
    if names and JOURNAL not in names:
        raise OutputError(
            f"{target} holds something else than a batch",
            expected="a new or empty folder, or that of the same batch before",
            found=", ".join(names[:5]) + (" ..." if len(names) > 5 else ""),
            fix="choose another output folder",
        )
