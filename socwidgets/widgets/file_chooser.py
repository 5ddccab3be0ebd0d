"""Choosing files where the kernel runs: on a JupyterHub that is not the person's own machine."""

from __future__ import annotations

import html
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets
import traitlets

from socwidgets.model.errors import ReadError, SocwidgetsError
from socwidgets.widgets.live_model import LiveWidget, module
from socwidgets.widgets.safe import Guard, Quiet

_FOLDER = Path(__file__).parent
#: A folder of a long scan may hold very many frames; a list of them all helps nobody.
MOST_ENTRIES = 1500
#: More files than this of one suffix are frames, which come after the files that stand alone.
MANY = 20


class FileList(LiveWidget):
    """List of names; the browser reports what is chosen and opened.

    Attributes
    ----------
    entries : list of dict
        ``name``, ``kind`` (``folder``, ``known`` or ``other``) and ``note``.
    chosen : str
        Name of the chosen entry, or empty.
    """

    _esm = module("file_list.js")
    _css = _FOLDER / "file_list.css"

    entries = traitlets.List(traitlets.Dict()).tag(sync=True)
    chosen = traitlets.Unicode("").tag(sync=True)
    height = traitlets.CInt(200, min=60).tag(sync=True)
    label = traitlets.Unicode("Files").tag(sync=True)
    empty = traitlets.Unicode("Nothing here that can be read.").tag(sync=True)


class FileChooser(ipywidgets.VBox):
    """Folder field, list of what is in it, and what the chosen file is.

    Parameters
    ----------
    folder : path-like, optional
        Where to begin; the kernel's working folder if left out.
    suffixes : mapping of str to str
        What is known about a suffix, for instance ``{".hdr": "ALS STXM"}``.
    recognize : callable, optional
        ``recognize(path) -> text`` about the chosen path; may raise `SocwidgetsError`.

    Attributes
    ----------
    path : Path or None
        What is chosen.
    """

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, *, suffixes: dict[str, str],
        recognize: Callable[[Path], str] | None = None, height: int = 190,
    ) -> None:  # fmt: skip
        self._suffixes, self._recognize = suffixes, recognize
        self._callbacks: list[Callable[[Path | None], None]] = []
        self._opened: list[Callable[[Path], Any]] = []
        self._quiet = Quiet()
        self.path: Path | None = None
        self._make(height)
        super().__init__(
            [ipywidgets.HBox([self.up, self.home, self.again, self.field]), self.files,
             ipywidgets.HBox(
                 [self.all, self.note], layout={"flex_flow": "row wrap", "align_items": "center"}
             )],
            layout={"min_width": "0", "width": "100%"},
        )  # fmt: skip
        self.add_class("socwidgets-chooser")
        guard = Guard(self._say)
        self.field.observe(guard(self._typed), "value")
        self.up.on_click(guard(lambda _b: self.go(self.folder.parent)))
        self.home.on_click(guard(lambda _b: self.go(Path.home())))
        self.again.on_click(guard(lambda _b: self.go(self.folder)))
        self.all.observe(guard(lambda _c: self._list()), "value")
        self.files.observe(guard(self._picked), "chosen")
        self.files.on_msg(guard(self._told))
        self.folder = Path.cwd()
        guard(self.go)(Path(folder) if folder is not None else Path.cwd())

    def _make(self, height: int) -> None:
        self.up = ipywidgets.Button(
            icon="arrow-up",
            tooltip="Go to the folder above",
            layout={"flex": "0 0 38px", "width": "38px"},
        )
        self.home = ipywidgets.Button(
            icon="home",
            tooltip="Go to the home folder",
            layout={"flex": "0 0 38px", "width": "38px"},
        )
        self.again = ipywidgets.Button(
            icon="refresh",
            tooltip="List the folder again",
            layout={"flex": "0 0 38px", "width": "38px"},
        )
        self.field = ipywidgets.Text(
            continuous_update=False, placeholder="Folder or file",
            tooltip="Path where the kernel runs; Enter goes there",
            layout={"flex": "1 1 auto", "width": "auto", "min_width": "80px"},
        )  # fmt: skip
        self.files = FileList(height=height, layout={"width": "100%"})
        self.all = ipywidgets.Checkbox(
            value=False, description="All files", indent=False, layout={"width": "92px"},
            tooltip="Show files of unknown formats, too",
        )  # fmt: skip
        self.note = ipywidgets.HTML(layout={"flex": "1 1 160px"})

    # -- reading -------------------------------------------------------------------------------

    def on_choose(self, callback: Callable[[Path | None], None]) -> None:
        """Call ``callback(path)`` when another file or folder is chosen."""
        self._callbacks.append(callback)

    def on_open(self, callback: Callable[[Path], Any]) -> None:
        """Call ``callback(path)`` when a file is opened by a double click or Enter."""
        self._opened.append(callback)

    # -- what a person does --------------------------------------------------------------------

    def go(self, place: str | os.PathLike[str]) -> None:
        """Show a folder, or the folder of a file with the file chosen."""
        path = Path(os.path.expandvars(str(place))).expanduser()
        path = path if path.is_absolute() else self.folder / path
        if path.is_file():
            self.folder = path.parent
            self._list()
            self.choose(path.name)
            return
        if not path.is_dir():
            self._say(f"There is no {path}.")
            return
        self.folder = path
        self._list()
        self._choose("")

    def choose(self, name: str) -> None:
        """Choose an entry of the folder, as a click does."""
        with self._quiet:
            self.files.chosen = name
        self._choose(name)

    def open_entry(self, name: str) -> None:
        """Open an entry, as a double click does: a folder is entered, a file is handed on."""
        path = self.folder / name
        if path.is_dir():
            self.go(path)
            return
        self.choose(name)
        for callback in list(self._opened):
            callback(path)

    def _typed(self, change: Any) -> None:
        if not self._quiet:
            self.go(change["new"])

    def _picked(self, change: Any) -> None:
        if not self._quiet:
            self._choose(change["new"])

    def _told(self, _widget: Any, content: Any, _buffers: Any) -> None:
        kind = content.get("type") if isinstance(content, dict) else None
        if kind == "open":
            self.open_entry(str(content.get("name", "")))
        elif kind == "up":
            self.go(self.folder.parent)

    def _choose(self, name: str) -> None:
        path = self.folder / name if name else None
        if path is not None and not path.exists():
            path = None
        self.path = path
        self._say("" if path is None else self._words(path))
        for callback in list(self._callbacks):
            callback(path)

    def _words(self, path: Path) -> str:
        if self._recognize is None:
            return path.name
        try:
            return self._recognize(path)
        except SocwidgetsError as error:
            if path.is_dir():
                return "A folder: press Enter or double-click to go in."
            return str(error).splitlines()[0]

    def _list(self) -> None:
        entries, left_out = list_folder(self.folder, self._suffixes, everything=self.all.value)
        with self._quiet:
            self.field.value = str(self.folder)
            with self.files.hold_sync():
                self.files.chosen = ""
                self.files.entries = entries
        if left_out:
            self._say(f"{left_out:,} further entries are not listed.")

    def _say(self, text: str) -> None:
        self.note.value = (
            f'<span role="status" class="socwidgets-note">{html.escape(text)}</span>'
            if text
            else ""
        )


def list_folder(
    folder: Path, suffixes: dict[str, str], *, everything: bool = False
) -> tuple[list[dict[str, str]], int]:
    """Entries of a folder, folders first, and how many were left out.

    Parameters
    ----------
    folder : Path
        Where to look; names that begin with a dot are left out.
    suffixes : mapping of str to str
        Formats by suffix; other files are only listed if `everything` is true.

    Raises
    ------
    ReadError
        If the folder cannot be read.
    """
    folders, files = [], []
    try:
        with os.scandir(folder) as found:
            for item in found:
                if item.name.startswith("."):
                    continue
                suffix = Path(item.name).suffix.lower()
                if item.is_dir():
                    note = suffixes.get(suffix, "") if suffix else ""
                    folders.append({"name": item.name, "kind": "folder", "note": note})
                elif suffix in suffixes or everything:
                    kind = "known" if suffix in suffixes else "other"
                    files.append(
                        {"name": item.name, "kind": kind, "note": suffixes.get(suffix, "")}
                    )
    except OSError as error:
        raise ReadError(
            f"the folder {folder} cannot be read", found=str(error), fix="choose another one"
        ) from None
    # A header first, then the hundred frames it belongs to.
    counts = Counter(Path(entry["name"]).suffix.lower() for entry in files)
    files.sort(key=lambda e: (counts[Path(e["name"]).suffix.lower()] > MANY, _by_name(e)))
    entries = [*sorted(folders, key=_by_name), *files]
    return entries[:MOST_ENTRIES], max(len(entries) - MOST_ENTRIES, 0)


def _by_name(entry: dict[str, str]) -> str:
    return entry["name"].lower()
