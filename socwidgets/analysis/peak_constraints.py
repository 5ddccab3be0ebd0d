"""Read what a user wrote about parameters: starting values, bounds, fixed values, ties."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from socwidgets.model.errors import ParameterError
from socwidgets.model.parameters import unknown_name

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TIE = re.compile(rf"(?:({_NUMBER})\s*\*\s*)?([A-Za-z_]\w*)\s*([-+]\s*{_NUMBER})?$")


@dataclass(slots=True)
class Constraints:
    """Rules of a fit in the kernel's units.

    Attributes
    ----------
    initial : ndarray
        ``(M,)``, NaN where nothing is given.
    lower, upper : ndarray
        ``(M,)``.
    fixed : tuple of int
        Parameters that are not fitted.
    tied : dict
        ``{parameter: (master, factor, offset)}``.
    bounded : tuple of str
        Names that the user gave bounds.
    """

    initial: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    fixed: tuple[int, ...] = ()
    tied: dict[int, tuple[int, float, float]] = field(default_factory=dict)
    bounded: tuple[str, ...] = ()


def read_constraints(
    names: tuple[str, ...],
    params: Any,
    factor: np.ndarray,
    offset: np.ndarray,
    limits: tuple[np.ndarray, np.ndarray],
    initial: dict[str, float] | None = None,
) -> Constraints:
    """Read the texts of `PeakParameters`.

    Parameters
    ----------
    names : tuple of str
        Parameters of the model.
    params : PeakParameters
        With fields ``initial``, ``bounds``, ``fixed``, ``tied``.
    factor, offset : ndarray
        From the kernel's parameters to the user's.
    limits : tuple of ndarray
        Bounds where the user gives none, in the kernel's units.
    initial : dict, optional
        Starting values under those of `params`.

    Raises
    ------
    ParameterError
        Naming the text that cannot be read, the unknown parameter, or the contradiction.
    """
    rules = Constraints(np.full(len(names), np.nan), limits[0].copy(), limits[1].copy())
    for name, number in (initial or {}).items():
        i = _position(names, name, f"{name}={number}")
        rules.initial[i] = (float(number) - offset[i]) / factor[i]
    for text in params.initial:
        name, value = _split(text, "center=708.2")
        i = _position(names, name, text)
        rules.initial[i] = (_number(value, text) - offset[i]) / factor[i]
    _read_bounds(names, params.bounds, factor, offset, rules)
    _read_fixed(names, params.fixed, factor, offset, rules)
    _read_ties(names, params.tied, factor, offset, rules)
    if len(rules.fixed) + len(rules.tied) == len(names):
        raise ParameterError("nothing is left to fit", fix="free a parameter")
    return rules


def _read_bounds(
    names: tuple[str, ...],
    texts: tuple[str, ...],
    factor: np.ndarray,
    offset: np.ndarray,
    rules: Constraints,
) -> None:
    for text in texts:
        name, value = _split(text, "center=707:710")
        i = _position(names, name, text)
        low, separator, high = value.partition(":")
        if not separator:
            raise _unreadable(text, "center=707:710")
        ends = [
            (_number(end, text) - offset[i]) / factor[i] if end.strip() else default
            for end, default in ((low, -np.inf), (high, np.inf))
        ]
        if not ends[0] < ends[1]:
            raise ParameterError("bounds are not in order", expected="low:high", found=repr(text))
        rules.lower[i], rules.upper[i] = ends
        rules.bounded += (name,)


def _read_fixed(
    names: tuple[str, ...],
    texts: tuple[str, ...],
    factor: np.ndarray,
    offset: np.ndarray,
    rules: Constraints,
) -> None:
    for text in texts:
        name, separator, value = text.partition("=")
        i = _position(names, name.strip(), text)
        if separator:
            rules.initial[i] = (_number(value, text) - offset[i]) / factor[i]
        rules.fixed += (i,)


def _read_ties(
    names: tuple[str, ...],
    texts: tuple[str, ...],
    factor: np.ndarray,
    offset: np.ndarray,
    rules: Constraints,
) -> None:
    for text in texts:
        name, value = _split(text, "fwhm_2=fwhm_1")
        slave = _position(names, name, text)
        found = _TIE.match(value)
        if not found:
            raise _unreadable(text, "center_2=1*center_1+1.8")
        master = _position(names, found.group(2), text)
        scale = float(found.group(1) or 1.0)
        shift = float((found.group(3) or "0").replace(" ", ""))
        rules.tied[slave] = (
            master,
            scale * factor[master] / factor[slave],
            (scale * offset[master] + shift - offset[slave]) / factor[slave],
        )
    for slave, (master, _, _) in rules.tied.items():
        if master in rules.tied or master in rules.fixed or slave in rules.fixed:
            raise ParameterError(
                f"{names[slave]!r} cannot be tied to {names[master]!r}",
                expected="ties of one parameter, itself not fixed, to another that is free",
            )
        if names[slave] in rules.bounded:
            # The fit would go where the other parameter may.
            raise ParameterError(
                f"{names[slave]!r} is tied to {names[master]!r} and has bounds of its own",
                fix=f"give the bounds to {names[master]!r}",
            )


def _split(text: str, example: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not value.strip():
        raise _unreadable(text, example)
    return name.strip(), value.strip()


def _unreadable(text: str, example: str) -> ParameterError:
    return ParameterError("a constraint cannot be read", expected=repr(example), found=repr(text))


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _unreadable(whole, "center=708.2") from None


def _position(names: tuple[str, ...], name: str, text: str) -> int:
    if name not in names:
        raise unknown_name(f"the model has no parameter {name!r} (in {text!r})", name, names)
    return names.index(name)
