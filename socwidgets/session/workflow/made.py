"""What the steps of a workflow have made so far: they read it, the workflow replaces it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.session.session import Session
from socwidgets.session.workflow.code import Call

#: Steps whose result is a stack, the latest first.
STACKS = (
    "normalization", "i0_offset", "registration", "energy_axis", "optical_density", "open",
)  # fmt: skip


class Made:
    """Results of steps by name, with the session that shows them.

    Parameters
    ----------
    variables : mapping of str to str
        Every step, in the order in which they build on each other, and the variable of its result
        in the Python text.

    Attributes
    ----------
    session : Session or None
        None until a stack is there; another stack brings another session.
    products : mapping of str to object
        Result of every step that has been done, by the step's name.
    calls : mapping of str to Call
        Python text of those steps.
    chosen : mapping of str to mapping
        Inputs and parameters of those steps.
    remarks : mapping of str to tuple of str
        Warnings of those steps, one sentence each.
    lock : RLock
        Held while something reads several results, or while they are replaced.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.session: Session | None = None
        self.products: Mapping[str, Any] = MappingProxyType({})
        self.calls: Mapping[str, Call] = MappingProxyType({})
        self.chosen: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
        self.remarks: Mapping[str, tuple[str, ...]] = MappingProxyType({})
        self.lock = threading.RLock()
        self._variables = dict(variables)
        self._order = {name: position for position, name in enumerate(variables)}

    def variable(self, name: str) -> str:
        """Variable of a step's result in the Python text."""
        return self._variables[name]

    def stack_before(self, name: str) -> tuple[str, xr.Dataset]:
        """Variable and value of the latest stack that an earlier step made.

        Raises
        ------
        DataError
            If none has been opened.
        """
        limit = self._order.get(name, len(self._order))
        for found in STACKS:
            if found in self.products and self._order[found] < limit:
                return self.variable(found), self.products[found]
        raise DataError("there is no stack yet", fix="open a file first")


def show_stack(flow: Made, stack: xr.Dataset, before: xr.Dataset | None = None) -> None:
    """Let the session go on with another stack; particles of the old one go."""
    if flow.session is not None:
        flow.session.set_stack(stack, before=before)
        flow.session.set_labels(None)
