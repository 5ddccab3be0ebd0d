"""What a batch has finished, one line of JSON each, so that an interrupted one can go on."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from socwidgets.model.errors import ReportError
from socwidgets.reports.batch.plan import Task
from socwidgets.reports.results import read_results

JOURNAL = "batch.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """How one report ended.

    Attributes
    ----------
    name, fingerprint : str
        Of the `Task`.
    error : str
        Why it failed; empty for a report that is there.
    seconds : float
        How long it took.
    resumed : bool
        Whether it was made by an earlier run of this batch.
    """

    name: str
    fingerprint: str
    error: str = ""
    seconds: float = 0.0
    resumed: bool = False


def read_journal(path: Path) -> dict[str, Entry]:
    """Last entry of every name; a line that a crash cut off is left out."""
    found: dict[str, Entry] = {}
    if not path.is_file():
        return found
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError):
            continue
        found[entry.name] = entry
    return found


def append(path: Path, entry: Entry) -> None:
    """Add a line and have it on the disk before the next report begins."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def is_done(task: Task, entry: Entry | None, folder: Path) -> bool:
    """Whether the report of `task` is there, complete, and of these very parameters and inputs."""
    if entry is None or entry.error or entry.fingerprint != task.fingerprint:
        return False
    try:
        read_results(folder / "results.json")
    except ReportError:
        return False
    return True
