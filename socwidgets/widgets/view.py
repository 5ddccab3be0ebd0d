"""What all views of a session have in common: guarded callbacks, no echo, a clean end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets

from socwidgets.session import Session
from socwidgets.widgets.safe import Guard, Quiet


class View(ipywidgets.VBox):
    """Base of the views of a session.

    A view follows the session (`follow`) and passes on what a person does (`on_user`). It never
    keeps a state of its own that another view could need.

    Parameters
    ----------
    session : Session
        What is looked at.
    """

    #: Whether it is told of a change before the other views: people wait for it.
    urgent = False

    def __init__(self, session: Session, **options: Any) -> None:
        self.session = session
        self.guard = Guard(session.show_error)
        self.quiet = Quiet()
        # Observers run in whichever thread changed the session; one refresh at a time. While it
        # is held nothing calls the session's setters, so it cannot meet another view's lock.
        self._refreshing = threading.RLock()
        self._stops: list[Callable[[], None]] = []
        super().__init__(**options)

    def follow(self, refresh: Callable[[], None], *fields: str) -> None:
        """Call `refresh` now and after each change of one of the session's `fields`."""

        def locked(_fields: object = None) -> None:
            with self._refreshing, self.quiet:
                refresh()

        guarded = self.guard(locked)
        self._stops.append(self.session.observe(guarded, *fields, urgent=self.urgent))
        guarded()

    def on_user(
        self, widget: ipywidgets.Widget, act: Callable[[Any], None], name: str = "value"
    ) -> None:
        """Call ``act(new value)`` when a person (not this view) changes a trait of a control."""

        def changed(change: Any) -> None:
            if not self.quiet:
                act(change["new"])

        widget.observe(self.guard(changed), name)

    def on_click(self, button: ipywidgets.Button, act: Callable[[], Any]) -> None:
        """Call `act` when a person presses a button."""
        button.on_click(self.guard(lambda _button: act()))

    def stop_following(self) -> None:
        """Forget the session; the view stays as it is."""
        while self._stops:
            self._stops.pop()()

    def close(self) -> None:
        """Forget the session and close the view's own model."""
        self.stop_following()
        super().close()
