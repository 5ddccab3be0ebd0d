"""Provenance: how an object was made, as JSON text that travels in its attributes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.names import PROVENANCE

#: Arrays up to this size are hashed whole.
_FULL_HASH_BYTES = 1 << 20
#: Of larger ones about so much, in runs spread evenly over them: hashing must be quick beside a fit
#: of the same stack (30 ms for 100 MB), and a megabyte takes nearly one.
_SAMPLED_BYTES = 1 << 18
_RUN = 1024


def package_version() -> str:
    """Version of the package, from its face: to ask the installation for it takes 10 ms."""
    return str(sys.modules[__name__.partition(".")[0]].__version__)


def steps(obj: xr.Dataset | xr.DataArray) -> list[dict[str, Any]]:
    """Return the recorded steps, oldest first. An object without a record gives an empty list."""
    return list(json.loads(obj.attrs.get(PROVENANCE, "[]")))


def record(
    obj: xr.Dataset,
    function: str,
    parameters: Any = None,
    *,
    source: xr.Dataset | xr.DataArray | None = None,
) -> xr.Dataset:
    """Append one step to the provenance of `obj` and return it.

    Parameters
    ----------
    obj : xarray.Dataset
        The freshly made object; its attributes are changed.
    function : str
        Qualified public name of the function that made it.
    parameters : dataclass or mapping, optional
        What it was called with; arrays and xarray objects are replaced by their hash.
    source : xarray.Dataset or DataArray, optional
        The input whose own record is continued.

    Returns
    -------
    xarray.Dataset
        `obj`.
    """
    history = steps(source) if source is not None else []
    step = {
        "function": function,
        "version": package_version(),
        "parameters": jsonable(parameters),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if source is not None:
        step["input"] = data_hash(source)
    obj.attrs[PROVENANCE] = json.dumps([*history, step])
    return obj


def data_hash(obj: xr.Dataset | xr.DataArray) -> str:
    """Return a short sha256 of the numbers of an object (its first variable, and coordinates).

    A lazy (dask-backed) array is identified by its graph's name instead of being read.
    """
    array = obj if isinstance(obj, xr.DataArray) else next(iter(obj.data_vars.values()))
    digest = hashlib.sha256()
    for coord in sorted(array.coords, key=str):
        digest.update(str(coord).encode())
        digest.update(np.ascontiguousarray(array.coords[coord].values).tobytes())
    data = array.variable._data if not array.variable._in_memory else array.values
    if isinstance(data, np.ndarray):
        digest.update(str(data.shape).encode())
        for piece in _sampled(data):
            digest.update(piece)
    else:
        digest.update(str(getattr(data, "name", array.shape)).encode())
    return digest.hexdigest()[:16]


def _sampled(data: np.ndarray) -> list[Any]:
    """All bytes of an array, or those of evenly spread runs of a large one and of its end."""
    if data.nbytes <= _FULL_HASH_BYTES or data.ndim == 0:
        return [data.tobytes()]
    flat = data.reshape(-1)
    whole = flat.size // _RUN
    stride = max(1, data.nbytes // _SAMPLED_BYTES)
    runs = np.ascontiguousarray(flat[: whole * _RUN].reshape(whole, _RUN)[::stride])
    return [runs.view(np.uint8), flat[-_RUN:].tobytes()]


def jsonable(value: Any) -> Any:
    """Turn parameters into plain JSON values; arrays become their hash and shape."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, (xr.Dataset, xr.DataArray)):
        return {"sha256": data_hash(value), "dims": {str(k): v for k, v in value.sizes.items()}}
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
        return {"sha256": digest, "shape": list(value.shape)}
    if isinstance(value, np.generic):
        return jsonable(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)
