"""Python calls as text: what a panel does, so that a person can do it in a cell or a script."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from socwidgets.model.parameters import Parameters

_WIDTH = 88


@dataclass(frozen=True, slots=True)
class Call:
    """Some lines of Python and the imports they need."""

    lines: tuple[str, ...]
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Name:
    """Python text that stands for itself, not for a string."""

    text: str


def program(calls: Iterable[Call]) -> str:
    """Lines of several calls below their imports, each import once."""
    calls = list(calls)
    imports = list(dict.fromkeys(line for call in calls for line in call.imports))
    body = [line for call in calls for line in call.lines]
    plain = sorted(line for line in imports if line.startswith("import "))
    rest = sorted(line for line in imports if not line.startswith("import "))
    return "\n".join([*plain, *rest, *([""] if imports else []), *body]) + "\n"


def call_text(target: str, function: str, *args: Any, **keywords: Any) -> str:
    """``target = function(args, keyword=value)``, broken over lines where it is long."""
    parts = [literal(a) for a in args] + [f"{k}={literal(v)}" for k, v in keywords.items()]
    head = f"{target} = {function}" if target else function
    line = f"{head}({', '.join(parts)})"
    if len(line) <= _WIDTH:
        return line
    inner = "".join(f"    {part},\n" for part in parts)
    return f"{head}(\n{inner})"


def literal(value: Any) -> str:
    """Python source of a value: numbers, text, tuples, mappings, shapes of regions, `Name`."""
    if isinstance(value, Name):
        return value.text
    if isinstance(value, tuple):
        inner = ", ".join(literal(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k!r}: {literal(v)}" for k, v in value.items()) + "}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (literal(getattr(value, spec.name)) for spec in dataclasses.fields(value))
        return f"{type(value).__name__}({', '.join(fields)})"
    return repr(value)


def changed(kind: type[Parameters], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that differ from the defaults of a parameter class: a call needs no others."""
    # Not kind().to_dict(): some classes have no complete defaults.
    usual = {spec.name: spec.default for spec in dataclasses.fields(kind)}  # type: ignore[arg-type]
    given = kind.from_mapping(values).to_dict()
    return {name: value for name, value in given.items() if value != usual[name]}
