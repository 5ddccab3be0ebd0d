"""A sortable table of very many rows, of which only those in sight are in the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import traitlets

from socwidgets.model.errors import DataError
from socwidgets.widgets.live_model import LiveWidget, module

_FOLDER = Path(__file__).parent


class Table(LiveWidget):
    """Rows of numbers with an id; sorting and scrolling happen in the browser.

    Attributes
    ----------
    columns : list of dict
        ``name``, ``title``, ``help``, ``kind`` (``id``, ``number`` or ``bool``), ``digits``,
        ``width`` in px, ``error`` (the column of its sigma, if any); the first is the id.
    selected : int
        Id of the chosen row, 0 for none. Both sides set it; the row is scrolled into sight.
    sort : (str, bool)
        Column, and whether it falls.
    height : int
        Height of the rows, px.
    empty : str
        What is said while there is no row.
    """

    _esm = module("particle_table.js")
    _css = _FOLDER / "particle_table.css"

    _values = traitlets.Bytes(b"").tag(sync=True)
    columns = traitlets.List(traitlets.Dict()).tag(sync=True)
    selected = traitlets.CInt(0, min=0).tag(sync=True)
    sort = traitlets.Tuple(
        traitlets.Unicode(), traitlets.Bool(), default_value=("label", False)
    ).tag(sync=True)
    height = traitlets.CInt(260, min=60).tag(sync=True)
    empty = traitlets.Unicode("No rows.").tag(sync=True)

    def show(self, frame: pd.DataFrame | None, columns: list[dict[str, Any]]) -> None:
        """Show a table; its index is the id.

        Parameters
        ----------
        frame : pandas.DataFrame or None
            Numbers and booleans, one row per id; None for no row.
        columns : list of dict
            See the attribute, without the digits; the first is the index.

        Raises
        ------
        DataError
            If a column is missing.
        """
        if frame is None:
            with self.hold_sync():
                self._values = b""
                self.columns = [{**column, "digits": 0} for column in columns]
            return
        missing = [c["name"] for c in columns[1:] if c["name"] not in frame]
        if missing:
            raise DataError(f"the table has no column {', '.join(missing)}")
        block = np.empty((len(frame), len(columns)))
        block[:, 0] = frame.index.to_numpy(float)
        for i, column in enumerate(columns[1:], start=1):
            block[:, i] = frame[column["name"]].to_numpy(float)
        described = [
            {**column, "digits": digits_for(block[:, i]) if column["kind"] == "number" else 0}
            for i, column in enumerate(columns)
        ]
        at = {column["name"]: i for i, column in enumerate(columns)}
        for column in described:
            # A value and its sigma end at the same decimal.
            if column.get("error") in at:
                i = at[column["error"]]
                column["digits"] = max(column["digits"], error_digits(block[:, i]))
                described[i]["digits"] = column["digits"]
        with self.hold_sync():
            self.columns = described
            self._values = block.tobytes()


def digits_for(values: np.ndarray) -> int:
    """Decimals that tell about three significant digits of large values; 0 for whole numbers."""
    known = np.abs(values[np.isfinite(values)])
    if not known.size or (known == np.rint(known)).all():
        return 0
    return int(np.clip(2 - np.floor(np.log10(np.percentile(known[known > 0], 90))), 0, 6))


def error_digits(sigma: np.ndarray) -> int:
    """Decimals that show one digit of the smallest usual sigma; 0 without any."""
    known = sigma[np.isfinite(sigma) & (sigma > 0)]
    if not known.size:
        return 0
    return int(np.clip(-np.floor(np.log10(np.percentile(known, 10))), 0, 6))
