"""Attributes that come back from a file exactly as they went in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from socwidgets.model.errors import DataError

#: Marks attribute text that is JSON, for values that netCDF has no type for.
_JSON = "json:"


def encode_attrs(attrs: Mapping[Any, Any], owner: str) -> dict[str, Any]:
    """Attributes in a form that netCDF and zarr keep.

    Text and single numbers are written as they are. What the formats change or refuse (truth
    values, None, lists, mappings, arrays, which would come back as other types or as scalars)
    is written as JSON text with the array's type.

    Parameters
    ----------
    attrs : mapping
        Attributes of an xarray object.
    owner : str
        What they belong to, for messages.

    Raises
    ------
    DataError
        An attribute that is no plain value.
    """
    return {str(key): _encode(value, owner, str(key)) for key, value in attrs.items()}


def decode_attrs(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Undo `encode_attrs`; attributes that other programs wrote pass through."""
    return {str(key): _decode(value) for key, value in attrs.items()}


def _encode(value: Any, owner: str, key: str) -> Any:
    if isinstance(value, np.generic):
        return _json({"array": value.item(), "dtype": str(value.dtype), "scalar": True})
    if isinstance(value, str) and value and not value.startswith(_JSON):
        return value
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        return value if not isinstance(value, int) or abs(value) < 2**63 else _json(value)
    if isinstance(value, np.ndarray):
        return _json({"array": value.tolist(), "dtype": str(value.dtype)})
    try:
        return _json(value)
    except (TypeError, ValueError):
        raise DataError(
            f"attribute {key!r} of {owner} cannot be saved",
            expected="text, numbers, truth values, None, or lists and mappings of them",
            found=type(value).__name__,
            fix="remove the attribute, or turn it into text",
        ) from None


def _json(value: Any) -> str:
    return _JSON + json.dumps(value)


def _decode(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_JSON):
        found = json.loads(value[len(_JSON) :])
        if isinstance(found, dict) and {"array", "dtype"} <= set(found):
            array = np.array(found["array"], dtype=found["dtype"])
            return array[()] if found.get("scalar") else array
        return found
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.size == 1:
        return value.item()
    return value
