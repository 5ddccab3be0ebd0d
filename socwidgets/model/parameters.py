"""Parameters as frozen dataclasses: one object for the call, the form, the CLI and the report."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Self

from socwidgets.model.errors import ParameterError


def param(
    default: Any,
    help: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    label: str = "",
) -> Any:
    """Declare one field of a `Parameters` dataclass.

    Parameters
    ----------
    default : object
        Default value; use an immutable one.
    help : str
        One sentence for tooltips, the command line and the docs.
    unit : str, optional
        Unit of the number, shown beside the form field.
    low, high : float, optional
        Inclusive bounds.
    choices : tuple of str, optional
        The only allowed values.
    label : str, optional
        Short name for a form; the field's name with spaces if left out.
    """
    described = {
        "help": help, "unit": unit, "low": low, "high": high, "choices": choices, "label": label,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=described)


class Parameters:
    """Base of all parameter dataclasses (frozen, slotted, keyword-only).

    Subclasses are written as ``@dataclass(frozen=True, slots=True, kw_only=True)`` and declare
    their fields with `param`. Values are coerced and checked when the object is made, so a wrong
    one cannot exist.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        hints = _hints(type(self))  # type: ignore[arg-type]
        for spec in dataclasses.fields(self):  # type: ignore[arg-type]
            value = _coerce(type(self).__name__, spec, hints[spec.name], getattr(self, spec.name))
            object.__setattr__(self, spec.name, value)
        self.check()

    def check(self) -> None:
        """Check fields against each other; raise `ParameterError`. Override where needed."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping whose values may be strings (command line, papermill).

        Raises
        ------
        ParameterError
            If a name is unknown (with the nearest known name) or a value does not fit.
        """
        unknown_names(cls, values)
        return cls(**values)

    @classmethod
    def merged(cls, given: Parameters | None, changes: Mapping[str, Any]) -> Self:
        """What a function was called with: parameters, or the defaults, and changes by name.

        Raises
        ------
        ParameterError
            As `from_mapping`.
        """
        return cls.from_mapping({**(given.to_dict() if given is not None else {}), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Plain mapping of all fields."""
        return {spec.name: getattr(self, spec.name) for spec in dataclasses.fields(self)}  # type: ignore[arg-type]

    def replace(self, **changes: Any) -> Self:
        """Copy with some fields changed, checked again."""
        return self.merged(self, changes)


@functools.cache
def _hints(cls: type[Any]) -> dict[str, Any]:
    """Types of the fields of a class, looked up once: every call of an analysis makes one."""
    return typing.get_type_hints(cls)


def unknown_names(cls: type[Parameters], names: Iterable[str]) -> None:
    """Refuse names that `cls` does not have.

    Raises
    ------
    ParameterError
        With the nearest known name of each.
    """
    known = [spec.name for spec in dataclasses.fields(cls)]  # type: ignore[arg-type]
    unknown = [name for name in names if name not in known]
    if unknown:
        near = {n: _nearest(n, known) for n in unknown}
        hints = [f"{n} -> {m[0]}" for n, m in near.items() if m]
        raise ParameterError(
            f"unknown parameter {', '.join(map(repr, unknown))}",
            expected=f"one of {', '.join(known)}",
            fix="did you mean " + ", ".join(hints) + "?" if hints else "correct the name",
        )


def unknown_name(
    problem: str, name: object, known: Iterable[str], *, otherwise: str | None = None
) -> ParameterError:
    """Error for a name that is not in a list, with the one that was probably meant.

    Parameters
    ----------
    problem : str
        One sentence that says what there is none of.
    name : object
        What was given.
    known : iterable of str
        The names there are.
    otherwise : str, optional
        What to do where nothing is alike.
    """
    names = list(known)
    # Without capitals: letter by letter "nmc622" and "NMC622" share their digits only.
    lower = {each.lower(): each for each in names}
    near = [lower[found] for found in difflib.get_close_matches(str(name).lower(), lower, 1)]
    return ParameterError(
        problem,
        expected=f"one of {', '.join(names)}",
        found=repr(name),
        fix=f"did you mean {near[0]!r}?" if near else otherwise,
    )


def _nearest(name: str, known: list[str]) -> list[str]:
    """The name that was probably meant: the same words turned around, or nearly the same."""
    words = sorted(name.split("_"))
    turned = [other for other in known if sorted(other.split("_")) == words]
    return turned or difflib.get_close_matches(name, known, 1)


def _coerce(owner: str, spec: dataclasses.Field[Any], hint: Any, value: Any) -> Any:
    """Turn `value` into the annotated type and check its bounds."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if type(None) in options and (value is None or value in ("", "None", "none", "null")):
        return None
    wanted = next(option for option in options if option is not type(None))
    try:
        result = _convert(wanted, value)
    except (TypeError, ValueError, KeyError):
        raise ParameterError(
            f"{owner}.{spec.name} has the wrong type",
            expected=_type_words(wanted),
            found=repr(value),
            fix=str(spec.metadata.get("help", "")),
        ) from None
    _check_bounds(owner, spec, result)
    return result


def _convert(wanted: Any, value: Any) -> Any:
    origin = typing.get_origin(wanted)
    if origin is tuple:
        items = value.split(",") if isinstance(value, str) else list(value)
        kinds = typing.get_args(wanted)
        if len(kinds) == 2 and kinds[1] is Ellipsis:
            return tuple(_convert(kinds[0], item) for item in items if str(item).strip())
        if len(items) != len(kinds):
            raise ValueError
        return tuple(_convert(kind, item) for kind, item in zip(kinds, items, strict=True))
    if wanted is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        return value if isinstance(value, bool) else words[str(value).lower()]
    if wanted is int:
        if isinstance(value, bool) or float(value) != int(float(value)):
            raise ValueError
        return int(float(value))
    if wanted is float:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    if wanted is str:
        if not isinstance(value, str) and not hasattr(value, "__fspath__"):
            raise TypeError
        return str(value)
    return value


def _check_bounds(owner: str, spec: dataclasses.Field[Any], value: Any) -> None:
    meta = spec.metadata
    if meta.get("choices") and value not in meta["choices"]:
        raise unknown_name(f"{owner}.{spec.name} has an unknown value", value, meta["choices"])
    low, high = meta.get("low"), meta.get("high")
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, (int, float)) and not (
            (low is None or number >= low) and (high is None or number <= high)
        ):
            raise ParameterError(
                f"{owner}.{spec.name} is out of bounds",
                expected=f"{'-inf' if low is None else low} to {'inf' if high is None else high}"
                + (f" {meta['unit']}" if meta.get("unit") else ""),
                found=repr(number),
                fix=str(meta.get("help", "")),
            )


def _type_words(wanted: Any) -> str:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    return words.get(wanted, str(wanted).replace("typing.", ""))
