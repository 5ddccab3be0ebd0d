"""Every error a user can meet: what was expected, what was found, what to do."""

from __future__ import annotations


class SocwidgetsError(Exception):
    """Base of all errors raised on purpose by this package.

    Parameters
    ----------
    problem : str
        One sentence that names what is wrong.
    expected, found, fix : str, optional
        What was expected, what was found instead, and what the user can do about it. They are
        appended to the message on lines of their own and kept as attributes for widgets.
    """

    def __init__(
        self,
        problem: str,
        *,
        expected: str | None = None,
        found: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.problem = problem
        self.expected = expected
        self.found = found
        self.fix = fix
        labelled = (("expected", expected), ("found", found), ("to do", fix))
        lines = [problem, *(f"  {label}: {text}" for label, text in labelled if text)]
        super().__init__("\n".join(lines))


class ReadError(SocwidgetsError, OSError):
    """A file is missing, truncated, unreadable or not what its name promises."""

    # OSError.__str__ would print only its own arguments.
    __str__ = Exception.__str__


class DataError(SocwidgetsError, ValueError):
    """Data were read but cannot be right: shapes, axes, NaN, dark or saturated frames."""


class SchemaError(DataError):
    """An xarray object does not follow the data model; lists every ``(location, message)``."""

    def __init__(self, what: str, problems: list[tuple[str, str]], *, fix: str | None = None):
        self.problems = problems
        found = "; ".join(f"{location}: {message}" for location, message in problems)
        super().__init__(f"this is not a valid {what}", found=found, fix=fix)


class ReferenceSpectraError(DataError):
    """Reference spectra that do not cover the data, are collinear or are too few or too many."""


class UnitError(DataError):
    """A number carries a unit that is unknown or does not fit the axis."""


class KindError(SocwidgetsError, TypeError):
    """A function was asked for a quantity kind for which its answer would make no sense."""


class ParameterError(SocwidgetsError, ValueError):
    """A parameter is unknown, has the wrong type or lies outside its bounds."""


class OutputError(SocwidgetsError, OSError):
    """Results could not be written: read-only or full folder, or a path that is no folder."""

    __str__ = Exception.__str__


class CancelledError(SocwidgetsError):
    """The user cancelled a running job; results made before it are untouched."""

    def __init__(self, problem: str = "cancelled by the user"):
        super().__init__(problem)


class ReportError(SocwidgetsError, RuntimeError):
    """A report could not be made: its notebook failed, or its results are not what they must be."""


class ClusterError(SocwidgetsError, RuntimeError):
    """A cluster could not finish what it was given: no worker, other versions, lost connection."""


class CalibrationWarning(UserWarning):
    """A calibration is used where it may not hold: another window or grid, or beyond its rule."""
