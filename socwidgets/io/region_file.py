"""Regions as JSON: text, or a file of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from socwidgets.model.errors import ParameterError
from socwidgets.model.roi import ROI, roi_from_dict


def read_regions(text: str) -> list[ROI]:
    """Regions of JSON text, or a file of it; empty without any.

    Raises
    ------
    ParameterError
        If this is no list of regions.
    """
    text = text.strip()
    if not text:
        return []
    if not text.startswith(("[", "{")):
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(f"cannot read the regions in {text}", found=str(error)) from None
    try:
        values: Any = json.loads(text)
    except ValueError as error:
        raise ParameterError("the regions are no JSON", found=str(error)) from None
    if isinstance(values, dict):
        values = values.get("rois", [values])
    if not isinstance(values, list) or not all(isinstance(item, dict) for item in values):
        raise ParameterError("the regions are no list", expected='[{"name": ..., "type": ...}]')
    return [roi_from_dict(item) for item in values]
