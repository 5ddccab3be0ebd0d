"""Editing of named regions with undo, on top of the observable state."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from typing import Any

from socwidgets.model.errors import ParameterError
from socwidgets.model.roi import ROI, Shape, roi_from_dict
from socwidgets.session.observable import Observable
from socwidgets.session.roi_names import (
    aside,
    checked_color,
    find_roi,
    free_color,
    free_name,
    new_name,
    unique_rois,
)
from socwidgets.session.state import State

#: How many edits can be taken back.
HISTORY = 200
#: Seconds without a move after which the next one is another step of undo.
MOVE_PAUSE_S = 1.0

_Edit = tuple[tuple[ROI, ...], str | None]


class Regions(Observable):
    """The regions of a session: every edit is one step of undo."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._past: list[_Edit] = []
        self._future: list[_Edit] = []
        #: Regions as the last move of a continuing edit left them, and when.
        self._moving: tuple[tuple[ROI, ...] | None, float] = (None, 0.0)

    def roi(self, name: str) -> ROI:
        """Return the region called `name`.

        Raises
        ------
        ParameterError
            If there is none.
        """
        return find_roi(self._state.rois, name)

    def add_roi(
        self, shape: Shape, name: str | None = None, color: str | None = None, *,
        moving: bool = False,
    ) -> ROI:  # fmt: skip
        """Add a region and select it.

        Parameters
        ----------
        shape : Rectangle, Ellipse, Polygon, Area or Threshold
            In um; a threshold in units of its map.
        name : str, optional
            Unique; the next free ``ROI n`` if left out.
        color : str, optional
            ``#rrggbb``; the next unused one of the palette if left out.
        moving : bool
            Whether a control is being moved: moves of it (`move_roi`) belong to this step of undo.
        """
        made: list[ROI] = []

        def change(state: State) -> _Edit:
            roi = ROI(
                free_name(state.rois) if name is None else new_name(state.rois, name),
                shape,
                free_color(state.rois) if color is None else checked_color(color),
            )
            made.append(roi)
            return (*state.rois, roi), roi.name

        self._edit(change, moving=moving)
        return made[0]

    def edit_roi(self, name: str, shape: Shape) -> None:
        """Give a region another shape and select it."""
        self._replace(name, shape=shape)

    def move_roi(self, name: str, shape: Shape) -> None:
        """`edit_roi` while a control is being moved: moves without a pause are one step of undo."""
        self._replace(name, moving=True, shape=shape)

    def rename_roi(self, name: str, new: str) -> None:
        """Rename a region; the new name must be free."""

        def change(state: State) -> _Edit:
            find_roi(state.rois, name)
            others = [roi for roi in state.rois if roi.name != name]
            title = new_name(others, new)
            rois = (dataclasses.replace(r, name=title) if r.name == name else r for r in state.rois)
            return tuple(rois), title if state.selected == name else state.selected

        self._edit(change)

    def recolor_roi(self, name: str, color: str) -> None:
        """Give a region another color, ``#rrggbb``."""
        self._replace(name, color=checked_color(color))

    def duplicate_roi(self, name: str) -> ROI:
        """Add a copy of a region, a little aside, and select it."""
        return self.add_roi(aside(self.roi(name).shape))

    def delete_roi(self, name: str) -> None:
        """Delete a region; the one before it becomes selected."""

        def change(state: State) -> _Edit:
            index = state.rois.index(find_roi(state.rois, name))
            rest = (*state.rois[:index], *state.rois[index + 1 :])
            selected = state.selected
            if selected == name:
                selected = rest[max(index - 1, 0)].name if rest else None
            return rest, selected

        self._edit(change)

    def clear_rois(self) -> None:
        """Delete all regions, in one step of undo."""
        self._edit(lambda _: ((), None))

    def select_roi(self, name: str | None) -> None:
        """Select a region, or none."""

        def change(state: State) -> dict[str, Any]:
            if name is not None:
                find_roi(state.rois, name)
            return {"selected": name, "focus": "roi"}

        self._update(change)

    def set_draft(self, shape: Shape | None, name: str | None = None) -> None:
        """Show a region as it is being drawn (no undo step); None ends it.

        Parameters
        ----------
        shape : Shape or None
            As it is now.
        name : str, optional
            The region that is being edited; a new one if left out.
        """

        def change(state: State) -> dict[str, Any]:
            if shape is None:
                return {"draft": None}
            known = next((roi for roi in state.rois if roi.name == name), None)
            if known is None:
                return {"draft": ROI(free_name(state.rois), shape, free_color(state.rois))}
            return {"draft": dataclasses.replace(known, shape=shape)}

        self._update(change)

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to make again."""
        return bool(self._future)

    def undo(self) -> bool:
        """Take back the last edit of a region; False if there is none."""
        return self._step(self._past, self._future)

    def redo(self) -> bool:
        """Make again what was taken back; False if there is nothing."""
        return self._step(self._future, self._past)

    def rois_to_json(self) -> str:
        """All regions with their geometry, as JSON text."""
        return json.dumps([roi.to_dict() for roi in self._state.rois], indent=1)

    def rois_from_json(self, text: str) -> None:
        """Replace all regions by those of `rois_to_json`, in one step of undo.

        Raises
        ------
        ParameterError
            If the text is no list of regions, or two have the same name.
        """
        try:
            items = json.loads(text)
        except json.JSONDecodeError as error:
            raise ParameterError("the regions are no JSON text", found=str(error)) from None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise ParameterError(
                "the regions are no list", expected="what rois_to_json gives", found=text[:80]
            )
        rois = unique_rois(roi_from_dict(item) for item in items)
        self._edit(lambda _: (rois, rois[-1].name if rois else None))

    def _replace(self, name: str, *, moving: bool = False, **fields: Any) -> None:
        def change(state: State) -> _Edit:
            find_roi(state.rois, name)
            rois = (dataclasses.replace(r, **fields) if r.name == name else r for r in state.rois)
            return tuple(rois), name

        self._edit(change, moving=moving)

    def _edit(self, change: Callable[[State], _Edit], *, moving: bool = False) -> None:
        def step(state: State) -> dict[str, Any]:
            rois, selected = change(state)
            if rois != state.rois:
                now, (last, when) = time.monotonic(), self._moving
                # The very tuple: after any other edit, undo included, a move is a new step.
                if not moving or state.rois is not last or now - when > MOVE_PAUSE_S:
                    self._past.append((state.rois, state.selected))
                    del self._past[:-HISTORY]
                self._future.clear()
                self._moving = (rois if moving else None, now)
            return {"rois": rois, "selected": selected, "draft": None, "focus": "roi"}

        self._update(step)

    def _step(self, source: list[_Edit], target: list[_Edit]) -> bool:
        done = []

        def step(state: State) -> dict[str, Any]:
            if not source:
                return {}
            rois, selected = source.pop()
            target.append((state.rois, state.selected))
            done.append(True)
            return {"rois": rois, "selected": selected, "draft": None, "focus": "roi"}

        self._update(step)
        return bool(done)
