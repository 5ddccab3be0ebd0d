"""The one observable state that views share, without any drawing."""

from socwidgets.session.session import Session
from socwidgets.session.state import Series, Statistics, ValueBox

__all__ = ["Series", "Session", "Statistics", "ValueBox"]
