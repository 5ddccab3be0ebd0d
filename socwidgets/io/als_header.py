"""Parser of the header text that the ALS scanning transmission X-ray microscopes write."""

from __future__ import annotations

import re
from typing import Any

from socwidgets.model.errors import ReadError

_TOKEN = re.compile(r'\s*(?:"([^"]*)"|([{}();=,])|([^\s{}();=,"][^{}();=,"\n]*))')


def parse_header(text: str, name: str = "header") -> dict[str, Any]:
    """Turn the text of a ``.hdr`` file into nested mappings and lists.

    The grammar is ``name = value;`` where a value is a number, a word, a quoted text, a structure
    ``{name = value; ...}`` or an array ``(count, item, item, ...)`` whose items may be structures.

    Parameters
    ----------
    text : str
        Content of the file.
    name : str
        File name, for error messages.

    Returns
    -------
    dict
        Structures as dict, arrays as list (without their count), ``true``/``false`` as bool.

    Raises
    ------
    ReadError
        The text does not follow the grammar, for instance because the file is truncated.
    """
    return _Parser(text, name).run()


class _Parser:
    """Recursive descent over the tokens of one header."""

    def __init__(self, text: str, name: str) -> None:
        self._text, self._name = text, name
        self._tokens = list(_TOKEN.finditer(text))
        self._at = 0

    def run(self) -> dict[str, Any]:
        fields = self._fields(closing=None)
        if not fields:
            raise self._error("fields such as ScanDefinition = {...}")
        return fields

    def _peek(self) -> str | None:
        """Punctuation at this place, an empty text for a value, None at the end."""
        if self._at >= len(self._tokens):
            return None
        return self._tokens[self._at].group(2) or ""

    def _take(self, wanted: str) -> None:
        if self._peek() != wanted:
            raise self._error(repr(wanted))
        self._at += 1

    def _fields(self, closing: str | None) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        while True:
            here = self._peek()
            if here == closing:
                return fields
            if here == ";":
                self._at += 1
                continue
            if here != "":
                raise self._error(f"a field or {closing!r}" if closing else "a field")
            key = str(self._scalar())
            self._take("=")
            fields[key] = self._value()

    def _value(self) -> Any:
        here = self._peek()
        if here == "{":
            self._at += 1
            fields = self._fields("}")
            self._take("}")
            return fields
        if here == "(":
            return self._array()
        if here == "":
            return self._scalar()
        raise self._error("a value")

    def _array(self) -> list[Any]:
        self._take("(")
        items: list[Any] = []
        while self._peek() != ")":
            if self._peek() in (",", ";"):
                self._at += 1
            else:
                items.append(self._value())
        self._take(")")
        if items and items[0] != len(items) - 1:
            raise ReadError(
                f"{self._name} holds an array that is not complete",
                expected=f"{items[0]} items, as it says itself",
                found=f"{len(items) - 1}",
                fix="the header may be truncated or edited: copy it again",
            )
        return items[1:]

    def _scalar(self) -> Any:
        token = self._tokens[self._at]
        self._at += 1
        if token.group(1) is not None:
            return token.group(1)
        word = token.group(3).strip()
        if word.lower() in ("true", "false"):
            return word.lower() == "true"
        for kind in (int, float):
            try:
                return kind(word)
            except ValueError:
                continue
        return word

    def _error(self, expected: str) -> ReadError:
        if self._at < len(self._tokens):
            place = self._tokens[self._at].start()
            line = self._text.count("\n", 0, place) + 1
            found = f"{self._tokens[self._at].group(0).strip()!r} in line {line}"
        else:
            found = "the end of the file"
        return ReadError(
            f"{self._name} is not a complete ALS header",
            expected=expected,
            found=found,
            fix="the header may be truncated: copy it again",
        )
