from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from plain_user import modes_count

from socwidgets.io.atomic import atomic_file, atomic_folder
from socwidgets.model.errors import OutputError, ReadError


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def write(path: Path, text: str = "new") -> None:
    with atomic_file(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == path.suffix
        temporary.write_text(text)


def fill(path: Path, text: str = "new", **options) -> None:
    with atomic_folder(path, **options) as temporary:
        (temporary / "sub").mkdir()
        (temporary / "sub" / "result.txt").write_text(text)


def test_file_appears_complete_and_replaces(tmp_path):
    write(tmp_path / "a.txt", "old")
    write(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == {"a.txt"}


def test_missing_parents_are_made_and_unmade(tmp_path):
    write(tmp_path / "x" / "y" / "a.txt")
    assert (tmp_path / "x" / "y" / "a.txt").exists()
    with pytest.raises(ZeroDivisionError), atomic_file(tmp_path / "p" / "q" / "b.txt"):
        raise ZeroDivisionError
    assert names(tmp_path) == {"x"}


def test_old_file_is_there_until_the_end(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_file(target) as temporary:
        temporary.write_text("half")
        assert target.read_text() == "old"


def half_a_file(path: Path, error: BaseException) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        raise error


def half_a_folder(path: Path, error: BaseException) -> None:
    with atomic_folder(path) as temporary:
        (temporary / "half.txt").write_text("half")
        raise error


@pytest.mark.parametrize("error", [RuntimeError("stop"), KeyboardInterrupt(), SystemExit(1)])
def test_error_in_the_middle_leaves_the_old(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")
    fill(tmp_path / "out", "old")
    with pytest.raises(type(error)):
        half_a_file(tmp_path / "a.txt", error)
    with pytest.raises(type(error)):
        half_a_folder(tmp_path / "out", error)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert (tmp_path / "out" / "sub" / "result.txt").read_text() == "old"
    assert names(tmp_path) == {"a.txt", "out"}


def test_killed_process_leaves_the_target_untouched(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    code = (
        "import os, sys\n"
        "from socwidgets.io.atomic import atomic_file\n"
        "with atomic_file(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half'); os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == 9
    assert target.read_text() == "old"


def fill_the_disk(path: Path) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        with open("/dev/full", "w") as full:
            full.write("x" * 100_000)


def test_full_disk_from_the_real_device(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(OutputError, match="disk is full") as caught:
        fill_the_disk(tmp_path / "a.txt")
    assert caught.value.fix
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == {"a.txt"}


def test_full_disk_as_hdf5_reports_it(tmp_path):
    text = "Can't write (file write failed: errno = 28, error message = 'No space left on device')"
    with pytest.raises(OutputError, match="disk is full"), atomic_folder(tmp_path / "out"):
        raise OSError(text)
    assert names(tmp_path) == set()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_read_only_folder(tmp_path, monkeypatch, number):
    def refuse(self, *args, **kwargs):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError, match="cannot write") as caught:
        fill(tmp_path / "out")
    assert "permissions" in caught.value.fix
    assert str(tmp_path) in caught.value.expected


def test_folder_without_write_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with modes_count(), pytest.raises(OutputError, match="cannot write"):
            write(tmp_path / "a.txt")
    finally:
        tmp_path.chmod(0o700)
    assert names(tmp_path) == set()


def test_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="cannot write the folder") as caught:
        fill(tmp_path / "out")
    assert caught.value.found == "a file of this name"
    with pytest.raises(OutputError, match="cannot write"):
        write(tmp_path / "out" / "a.txt")
    with pytest.raises(OutputError, match="cannot write the file"):
        write(tmp_path)
    assert (tmp_path / "out").read_text() == "a file"


def test_folder_is_replaced_but_what_a_person_added_stays(tmp_path):
    with atomic_folder(tmp_path / "out") as temporary:
        (temporary / "stale.txt").write_text("of the first run")
        (temporary / "sub").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    (tmp_path / "out" / "figures").mkdir()
    (tmp_path / "out" / "figures" / "a.png").write_text("mine too")
    fill(tmp_path / "out", "new")
    assert names(tmp_path / "out") == {"sub", ".socwidgets", "notes.txt", "figures"}
    fill(tmp_path / "out", "new")
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "out" / "figures" / "a.png").read_text() == "mine too"
    assert (tmp_path / "out" / "sub" / "result.txt").read_text() == "new"
    assert names(tmp_path) == {"out"}


def test_foreign_folder_is_never_deleted(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    with pytest.raises(OutputError, match="not written by socwidgets"):
        fill(tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "years of work"
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "empty")
    assert (tmp_path / "empty" / "sub" / "result.txt").exists()


def test_failed_swap_puts_the_old_folder_back(tmp_path, monkeypatch):
    fill(tmp_path / "out", "old")
    real, calls = os.rename, []

    def rename(source, target):
        calls.append(source)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(OutputError, match="full"):
        fill(tmp_path / "out", "new")
    assert (tmp_path / "out" / "sub" / "result.txt").read_text() == "old"
    assert names(tmp_path) == {"out"}


def test_link_to_a_folder_stays_a_link(tmp_path):
    fill(tmp_path / "real", "old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    fill(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "sub" / "result.txt").read_text() == "new"


def test_errors_about_inputs_pass_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "a.txt"):
        Path("/no/such/input").read_text()
    with pytest.raises(ReadError, match="gone"), atomic_folder(tmp_path / "out"):
        raise ReadError("gone")
    assert names(tmp_path) == set()


def test_nothing_written_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="nothing was written"), atomic_file(tmp_path / "a.txt"):
        pass


def test_missing_input_beside_the_output_is_not_an_output_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_folder(tmp_path / "out"):
        (tmp_path / "input.txt").read_text()
