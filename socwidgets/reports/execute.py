"""Run a notebook with parameters in a kernel of this very interpreter."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat

from socwidgets.io.output_errors import disk_full
from socwidgets.model import errors
from socwidgets.model.errors import ReportError, SocwidgetsError

#: Seconds that a kernel may take to start: a busy machine may need more than papermill's minute.
_START_S = 300
#: ``progress(done_cells, all_cells)``.
CellProgress = Callable[[int, int], None]

_ENGINE = "socwidgets"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def execute_notebook(
    notebook: nbformat.NotebookNode,
    parameters: dict[str, Any],
    *,
    cwd: Path,
    progress: CellProgress | None = None,
    timeout: float | None = None,
    environment: Mapping[str, str] | None = None,
) -> nbformat.NotebookNode:
    """Inject parameters with papermill, execute, and return the executed notebook.

    Parameters
    ----------
    notebook : NotebookNode
        With a cell tagged ``parameters``. Notebooks are passed as objects, because papermill reads
        ``{}`` in a path as a field to fill in.
    parameters : dict
        Values for the parameters cell.
    cwd : Path
        Working folder of the kernel. (The folder of this process is left alone.)
    progress : callable, optional
        Called with the number of finished cells and of all cells.
    timeout : float, optional
        Seconds that one cell may take; no limit if left out.
    environment : mapping, optional
        Variables that the kernel gets beside those of this process.

    Raises
    ------
    ReportError
        If a cell fails: with the text of the package's own error, or the last line of any other;
        also if the kernel dies or cannot start.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    _register_engine()
    try:
        return papermill.execute_notebook(
            notebook,
            None,
            parameters,
            engine_name=_ENGINE,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            kernel_manager_class=_kernel_manager(environment or {}),
            resources={"metadata": {"path": str(cwd)}},
            start_timeout=_START_S,
            execution_timeout=timeout,
            progress=progress,
        )
    except PapermillExecutionError as error:
        raise _report_error(error, cwd) from None
    except (DeadKernelError, CellTimeoutError, RuntimeError) as error:
        raise ReportError(
            "the notebook of this report was not finished",
            found=str(error).strip().splitlines()[0],
            fix="look at the memory of this machine; run the notebook by hand to see where it "
            "stops (--to notebook)",
        ) from error


def _kernel_manager(environment: Mapping[str, str]) -> type:
    """Kernel manager that always starts ipykernel in this interpreter.

    A kernelspec called python3 may be absent, or another environment's may hide ours
    (JUPYTER_PATH): a report must run on the packages of the caller.
    """
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class OwnKernelManager(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            described = get_kernel_dict()
            # Quiet: a kernel's notes about its connection are not for the reader of a report.
            described["argv"] = [sys.executable, *described["argv"][1:], "--log-level=50"]
            described["env"] = {**described.get("env", {}), **environment}
            return KernelSpec(resource_dir="", **described)

    return OwnKernelManager


def _register_engine() -> None:
    from papermill.engines import NBClientEngine, papermill_engines

    class ProgressEngine(NBClientEngine):
        @classmethod
        def execute_managed_notebook(
            cls,
            nb_man: Any,
            kernel_name: str,
            log_output: bool = False,
            progress: CellProgress | None = None,
            **options: Any,
        ) -> Any:
            if progress is not None:
                _report_cells(nb_man, progress)
            return super().execute_managed_notebook(nb_man, kernel_name, log_output, **options)

    papermill_engines.register(_ENGINE, ProgressEngine)


def _report_cells(nb_man: Any, progress: CellProgress) -> None:
    total = len(nb_man.nb.cells)
    complete = nb_man.cell_complete

    def cell_complete(cell: Any, cell_index: int | None = None, **extra: Any) -> Any:
        result = complete(cell, cell_index=cell_index, **extra)
        progress((cell_index or 0) + 1, total)
        return result

    nb_man.cell_complete = cell_complete


def _report_error(error: Any, cwd: Path) -> SocwidgetsError:
    """Turn a failed cell into an error that says what its user can do."""
    name, text = str(error.ename), _ANSI.sub("", str(error.evalue)).strip()
    # The kernel writes into a hidden twin of the output folder: its name says nothing to a reader.
    text = text.replace(f"{cwd}{os.sep}", "")
    full = disk_full(text, cwd.parent)
    if full is not None:
        return full
    own = isinstance(getattr(errors, name, None), type)
    if own:
        return ReportError(text)
    source = str(error.source).strip().splitlines()
    return ReportError(
        f"cell {error.exec_count} of this report failed with {name}",
        found=text or "no message",
        fix="this is not an error that we expected: copy the notebook (--to notebook), run it by "
        f"hand and report the traceback. The cell began: {source[0] if source else ''}",
    )
