"""A view with the map beside it: what is chosen in one lights up in the other."""

from __future__ import annotations

import ipywidgets

from socwidgets.session import Session
from socwidgets.widgets.data_view import DataView
from socwidgets.widgets.map_link import LinkedMap
from socwidgets.widgets.safe import close_tree


class BesideMap(ipywidgets.GridBox):
    """The map and another view of one session, side by side or one below the other.

    Parameters
    ----------
    session : Session
        What both show; it stays its owner's.
    view : DataView
        Without a frame.
    """

    def __init__(self, session: Session, view: DataView) -> None:
        self.view, self.map = view, LinkedMap(session, framed=False)
        super().__init__(
            [self.map, view],
            layout={
                "grid_template_columns": "repeat(auto-fit, minmax(min(100%, 350px), 1fr))",
                "grid_gap": "6px 18px", "width": "100%", "min_width": "0",
            },
        )  # fmt: skip

    def hide(self) -> None:
        """Stop following until `show`."""
        self.map.hide()
        self.view.hide()

    def show(self) -> None:
        """Follow again, and catch up."""
        self.map.show()
        self.view.show()

    def close(self) -> None:
        """Forget the session and close every model."""
        if "view" in self.__dict__:
            self.map.close()
            self.view.close()
        close_tree(self)
