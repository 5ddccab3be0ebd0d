import json
import os
import sys

import nbformat
import pytest

from socwidgets.io.output_errors import disk_full
from socwidgets.model.errors import OutputError, ReportError
from socwidgets.reports.execute import execute_notebook


def notebook(*sources):
    first = nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]})
    cells = [first, *(nbformat.v4.new_code_cell(source) for source in sources)]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec})


def test_the_kernel_is_this_python_even_if_another_hides_it(tmp_path, monkeypatch):
    """A kernelspec of the same name in JUPYTER_PATH, as on a shared server, must not win."""
    hidden = tmp_path / "share" / "kernels" / "python3"
    hidden.mkdir(parents=True)
    spec = {"argv": ["/no/such/python"], "display_name": "other", "language": "python"}
    (hidden / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    work = tmp_path / "a {folder}"
    work.mkdir()
    before, seen = os.getcwd(), []
    done = execute_notebook(
        notebook("import sys, os; print(sys.executable); print(os.getcwd()); print(x)"),
        {"x": "{braces} and 'quotes'"},
        cwd=work,
        progress=lambda n, total: seen.append((n, total)),
    )
    lines = done.cells[-1].outputs[0].text.splitlines()
    assert lines == [sys.executable, str(work), "{braces} and 'quotes'"]
    assert os.getcwd() == before
    assert seen[-1] == (3, 3)


def test_our_own_errors_come_through_as_they_are(tmp_path):
    source = (
        "from socwidgets.model.errors import DataError\n"
        "raise DataError('no light', expected='counts', found='dark', fix='open the shutter')"
    )
    with pytest.raises(ReportError) as caught:
        execute_notebook(notebook(source), {}, cwd=tmp_path)
    assert str(caught.value).splitlines() == [
        "no light",
        "  expected: counts",
        "  found: dark",
        "  to do: open the shutter",
    ]


def test_other_errors_name_the_cell_and_what_to_do(tmp_path):
    with pytest.raises(ReportError, match="failed with ZeroDivisionError") as caught:
        execute_notebook(notebook("y = 2", "1 / 0"), {}, cwd=tmp_path)
    assert "The cell began: 1 / 0" in str(caught.value)


def test_a_disk_that_is_full_is_said_and_not_called_unexpected(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    code = "import errno, os\nraise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))"
    with pytest.raises(OutputError, match="the disk is full") as caught:
        execute_notebook(notebook("", code), {}, cwd=inner)
    assert str(tmp_path) in str(caught.value)
    assert "another disk" in caught.value.fix
    assert disk_full("[Errno 13] Permission denied: 'a'", tmp_path) is None
    assert disk_full("errno = 28, error message = 'No space left'", tmp_path) is not None


def test_a_kernel_that_dies_is_reported(tmp_path):
    with pytest.raises(ReportError, match="was not finished"):
        execute_notebook(notebook("import os; os._exit(9)"), {}, cwd=tmp_path)
