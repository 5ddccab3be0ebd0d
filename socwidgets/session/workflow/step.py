"""What a step of the workflow is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from socwidgets.jobs import Work
from socwidgets.model.parameters import Parameters
from socwidgets.session.workflow.code import Call
from socwidgets.session.workflow.made import Made


@dataclass(frozen=True, slots=True, kw_only=True)
class NoParameters(Parameters):
    """A step without numbers to choose."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One input that is chosen from a list.

    Attributes
    ----------
    words, help : str
        Label and tooltip.
    options : tuple of (str, str)
        What is shown, and the value; the first is the default.
    """

    words: str
    help: str
    options: tuple[tuple[str, str], ...]


class Step(ABC):
    """One step: inputs to choose from, parameters, the work, and the Python call for it.

    Attributes
    ----------
    name, title, help : str
        Key, words for a button, and one sentence.
    makes : str
        Variable of the result in the Python text.
    verb : str
        Words of the start button.
    first : tuple of str
        Parameters that a form shows at once, in this order; the first of the class if empty.
    needs : tuple of str or None
        Steps that it builds on; all earlier ones if None.
    """

    name = ""
    title = ""
    help = ""
    makes = ""
    verb = "Run"
    first: tuple[str, ...] = ()
    needs: tuple[str, ...] | None = None

    def problem(self, flow: Made) -> str:
        """Why the step cannot be done yet; empty if it can."""
        return "" if "open" in flow.products else "Open a file first."

    def hint(self, flow: Made) -> str:
        """What a person should know before the step; empty if nothing."""
        return ""

    def inputs(self, flow: Made) -> dict[str, Choice]:
        """Inputs to choose from, by name."""
        return {}

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Parameter class for the chosen inputs."""
        return NoParameters

    @abstractmethod
    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """The work, with everything it needs already looked up."""

    @abstractmethod
    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """The same as Python text."""

    def accept(self, flow: Made, result: Any) -> None:  # noqa: B027 - not every step shows one
        """Show the result in the session."""

    def said(self, result: Any) -> str:
        """One line about the result."""
        return ""

    def notes(self, result: Any) -> list[str]:
        """What a reader of the result must know, one sentence each."""
        return []
