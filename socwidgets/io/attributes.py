"""Datasets whose attributes, types and order come back from a file exactly as they went in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.model.errors import DataError

#: Marks attribute text that is JSON, for values that netCDF has no type for.
_JSON = "json:"
#: Attribute that keeps the order of the variables; zarr lists them as the file system does.
_ORDER = "variable_order"


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


def prepare_dataset(dataset: xr.Dataset, name: str) -> xr.Dataset:
    """Copy whose attributes survive, and without encodings left over from another file."""
    result = dataset.drop_encoding()
    order = [str(key) for key in dataset.data_vars]
    result.attrs = encode_attrs({**dataset.attrs, _ORDER: order}, name)
    for key, variable in result.variables.items():
        variable.attrs = encode_attrs(variable.attrs, f"{name}.{key}")
        if variable.dtype.kind == "f":
            # xarray would add a fill value, which comes back as an attribute nobody set.
            variable.encoding = {"_FillValue": None}
        elif isinstance(variable.dtype, pd.api.extensions.ExtensionDtype):
            result[key] = (variable.dims, np.asarray(variable.values, object), variable.attrs)
    return result


def restore_dataset(dataset: xr.Dataset) -> xr.Dataset:
    """Undo `prepare_dataset`; text becomes fixed-width text again, whatever the engine gave."""
    dataset = dataset.assign_attrs()
    dataset.attrs = decode_attrs(dataset.attrs)
    order = dataset.attrs.pop(_ORDER, None)
    if order and set(order) == set(map(str, dataset.data_vars)):
        dataset = dataset[order]
    for key, variable in list(dataset.variables.items()):
        attrs = decode_attrs(variable.attrs)
        if variable.dtype == object or variable.dtype.kind in "TO":
            values = np.asarray(variable.values)
            if all(isinstance(value, str) for value in values.ravel()):
                dataset = dataset.assign({key: (variable.dims, _text(values))})
        dataset[key].attrs = attrs
        dataset[key].encoding = {}
    dataset.encoding = {}
    return dataset


def _encode(value: Any, owner: str, key: str) -> Any:
    if isinstance(value, str) and value and not value.startswith(_JSON):
        return value
    plain = isinstance(value, (int, float)) and not isinstance(value, (bool, np.generic))
    if plain and abs(value) < 2**63:
        return value
    try:
        if isinstance(value, np.generic):
            return _json({"array": value.item(), "dtype": str(value.dtype), "scalar": True})
        if isinstance(value, np.ndarray):
            return _json({"array": value.tolist(), "dtype": str(value.dtype)})
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


def _text(values: np.ndarray) -> np.ndarray:
    """Text of fixed width, as the model makes it, from what the engine hands out."""
    return np.array([str(value) for value in values.ravel()], dtype=str).reshape(values.shape)
