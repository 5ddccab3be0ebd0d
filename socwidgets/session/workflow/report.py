"""Reports of what the workflow shows, by the command line: a kernel of their own runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from socwidgets.jobs import Work
from socwidgets.model.errors import CancelledError, ParameterError, ReportError

#: How the command line is started.
COMMAND = (sys.executable, "-m", "socwidgets", "report")
_STEP = re.compile(r"step (\d+) of (\d+)")
_NAME = re.compile(r"^(\w+) \(")
#: Seconds that a stopped report may take to tidy up before it is killed.
GRACE_S = 0.6


def templates() -> dict[str, str]:
    """Names and titles of the report templates.

    Raises
    ------
    ReportError
        If the command line does not answer.
    """
    lines = (line.split(maxsplit=1) for line in _ask("list").splitlines() if line.strip())
    return {parts[0]: parts[-1].strip() for parts in lines}


def parameter_names(template: str) -> list[str]:
    """Names of the parameters of a template, from the command line."""
    return [
        m.group(1) for line in _ask("params", template).splitlines() if (m := _NAME.match(line))
    ]


def _ask(*arguments: str) -> str:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise ReportError("the command line gave no answer", found=done.stderr.strip()[-400:])
    return done.stdout


def report_work(template: str, parameters: Mapping[str, Any], out: str) -> Work:
    """Work that runs a report in a process of its own; cancelling ends the process.

    Parameters
    ----------
    template : str
        Name of the template.
    parameters : mapping
        Its parameters.
    out : str
        Output folder.

    Returns
    -------
    Work
        Its result is the output folder, a `pathlib.Path`.

    Raises
    ------
    ParameterError
        If there is no output folder; errors of the report are raised by the work.
    """
    if not out.strip():
        raise ParameterError("the report needs a folder", fix="write the name of a folder")
    target = Path(out).expanduser().resolve()

    def work(*, progress: Callable[[int, int], None], cancel: threading.Event) -> Path:
        with tempfile.TemporaryDirectory(prefix="socwidgets-report-") as folder:
            file = Path(folder) / "params.yaml"
            file.write_text(yaml.safe_dump(dict(parameters), sort_keys=False), encoding="utf-8")
            command = [*COMMAND, "run", template, "-f", os.fspath(file), "-o", os.fspath(target)]
            _run(command, progress, cancel)
        return target

    return work


def _run(command: list[str], progress: Callable[[int, int], None], cancel: threading.Event) -> None:
    environment = {**os.environ, "SOCWIDGETS_PROGRESS": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment,
        start_new_session=os.name == "posix",
    )  # fmt: skip
    said: list[str] = []
    reader = threading.Thread(target=_listen, args=(process, said, progress), daemon=True)
    reader.start()
    while process.poll() is None:
        if cancel.wait(0.05):
            _end(process)
            raise CancelledError("the report was stopped; an earlier one is untouched")
    reader.join(5)
    if process.returncode:
        lines = [line for line in said if line.strip() and not _STEP.search(line)]
        text = "\n".join(lines[-12:]).removeprefix("socwidgets: ")
        raise ReportError(text or f"the report failed with code {process.returncode}")


def _listen(
    process: subprocess.Popen[str], said: list[str], progress: Callable[[int, int], None]
) -> None:
    """Progress and messages of the process; universal newlines turn each return into a line."""
    if process.stderr is None:
        return
    for line in process.stderr:
        steps = _STEP.findall(line)
        if steps:
            done, total = steps[-1]
            progress(int(done), int(total))
        else:
            said.append(line.rstrip())


def _end(process: subprocess.Popen[str]) -> None:
    """Let the process tidy up, then end it and the kernel it started."""
    import signal

    if os.name != "posix":
        process.terminate()
        return
    for number, patience in ((signal.SIGINT, GRACE_S), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        else:
            if number == signal.SIGINT:
                _sweep(process)
            return


def _sweep(process: subprocess.Popen[str]) -> None:
    """End what is left of the process's group: its kernel does not listen to an interrupt."""
    import signal

    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
