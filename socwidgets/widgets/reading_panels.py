"""Panels of the steps that read files: the stack, the reference spectra, flats and dark frames."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import ipywidgets

from socwidgets.io.registry import find_reader, readers
from socwidgets.model.errors import ParameterError
from socwidgets.widgets.file_chooser import FileChooser
from socwidgets.widgets.step_panel import StepPanel

#: Suffixes of files with spectra.
SPECTRA = (".txt", ".dat", ".csv", ".xmu", ".xdi", ".t", ".nor", ".xas", ".nc", ".asc")


def stack_suffixes() -> dict[str, str]:
    """Format by suffix, of all known readers."""
    return {suffix: reader.name for reader in readers() for suffix in reader.suffixes}


def recognized(path: Path) -> str:
    """What a file or folder is, and which options its reader has.

    Raises
    ------
    ReadError
        If no reader knows it.
    """
    reader = find_reader(path)
    options = ", ".join(reader.options())
    return f"{path.name}: {reader.name}." + (f" Options: {options}." if options else "")


class OpenPanel(StepPanel):
    """Choose a stack where the kernel runs, and read it."""

    def extra(self) -> list[ipywidgets.Widget]:
        """The file chooser."""
        self.chooser = FileChooser(suffixes=stack_suffixes(), recognize=recognized)
        self.chooser.on_choose(self._took)
        self.chooser.on_open(lambda _path: self.run())
        return [self.chooser]

    def _took(self, path: Path | None) -> None:
        if path is not None:
            self.form.controls["path"].value = os.fspath(path)


class ReferencePanel(StepPanel):
    """Choose files of reference spectra, in order."""

    def extra(self) -> list[ipywidgets.Widget]:
        """The file chooser, and the button that adds what is chosen."""
        self.chooser = FileChooser(
            suffixes=dict.fromkeys(SPECTRA, "spectrum"), height=150,
        )  # fmt: skip
        self.add = ipywidgets.Button(
            description="Add", icon="plus", layout={"width": "84px"},
            tooltip="Add the chosen file to the references",
        )  # fmt: skip
        self.clear = ipywidgets.Button(
            description="Clear", layout={"width": "72px"}, tooltip="Start the list anew"
        )
        self.foil = ipywidgets.Button(
            description="As their foil", layout={"width": "112px"},
            tooltip="The chosen file is the metal foil that was measured with the references",
        )  # fmt: skip
        self.foil.on_click(self.guard(lambda _b: take_file(self, "foil")))
        self.chooser.on_open(self._add)
        self.add.on_click(self.guard(lambda _b: self._add(self.chooser.path)))
        self.clear.on_click(self.guard(lambda _b: self._set("")))
        return [self.chooser, ipywidgets.HBox([self.add, self.clear, self.foil])]

    def _add(self, path: Path | None) -> None:
        if path is None or path.is_dir():
            return
        before = self.form.controls["files"].value.strip().rstrip(",")
        entry = f"{path.stem}={os.fspath(path)}"
        self._set(f"{before},{entry}" if before else entry)

    def _set(self, text: str) -> None:
        control: Any = self.form.controls["files"]
        control.value = text


class DensityPanel(StepPanel):
    """Choose where I0 comes from; flats and dark frames may be in files of their own."""

    def extra(self) -> list[ipywidgets.Widget]:
        """The file chooser with a button for each kind of file, where files are asked for."""
        self.chooser = FileChooser(suffixes=stack_suffixes(), recognize=recognized, height=150)
        self.takes = [
            self._button("flat", "Flat", "counts without sample, before the scan"),
            self._button("flat_after", "Flat after", "counts without sample, after the scan"),
            self._button("dark", "Dark", "counts without beam"),
        ]
        self.files = ipywidgets.VBox([self.chooser, ipywidgets.HBox(self.takes)])
        return [self.files]

    def _button(self, field: str, words: str, what: str) -> ipywidgets.Button:
        button = ipywidgets.Button(
            description=f"As {words.lower()}", layout={"width": "104px"},
            tooltip=f"The chosen file holds the {what}",
        )  # fmt: skip
        button.on_click(self.guard(lambda _b: take_file(self, field)))
        return button

    def _refresh(self) -> None:
        super()._refresh()
        self.files.layout.display = "flex" if "flat" in self.form.controls else "none"


def take_file(panel: ReferencePanel | DensityPanel, field: str) -> None:
    """Put the chosen file into a field of the form.

    Raises
    ------
    ParameterError
        If no file is chosen.
    """
    path = panel.chooser.path
    if path is None:
        raise ParameterError("no file is chosen", fix="click one in the list first")
    panel.form.controls[field].value = os.fspath(path)
