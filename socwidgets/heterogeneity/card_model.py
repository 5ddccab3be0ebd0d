"""What a heterogeneity card is: numbers with uncertainties, a verdict, checks, warnings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from socwidgets.heterogeneity.card_html import card_html
from socwidgets.heterogeneity.card_parts import CardCheck, CardEntry


@dataclass(frozen=True, slots=True)
class HeterogeneityCard:
    """Result of `heterogeneity_card`: entries, a verdict in words, warnings and checks."""

    entries: tuple[CardEntry, ...]
    verdict: str
    warnings: tuple[str, ...]
    record: dict[str, Any] = field(default_factory=dict)
    checks: tuple[CardCheck, ...] = ()

    def __getitem__(self, name: str) -> CardEntry:
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise KeyError(f"{name!r}; there are {', '.join(e.name for e in self.entries)}")

    def __contains__(self, name: object) -> bool:
        return any(entry.name == name for entry in self.entries)

    def check(self, name: str) -> CardCheck:
        """One check by name; KeyError if it is not on the card."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(f"{name!r}; there are {', '.join(c.name for c in self.checks)}")

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; NaN becomes None."""
        columns = ("value", "std", "low", "high")
        numbers = {
            entry.name: {
                **{c: _finite(getattr(entry, c)) for c in columns},
                "units": entry.units,
                "long_name": entry.long_name,
                "note": entry.note,
                "group": entry.group,
            }
            for entry in self.entries
        }
        return {
            "verdict": self.verdict,
            "warnings": list(self.warnings),
            "numbers": numbers,
            "checks": {
                c.name: {"long_name": c.long_name, "outcome": c.outcome, "detail": c.detail}
                for c in self.checks
            },
            "record": self.record,
        }

    def to_frame(self) -> pd.DataFrame:
        """Table with one row per number."""
        columns = ("name", "long_name", "value", "std", "low", "high", "units", "note", "group")
        rows = [{c: getattr(entry, c) for c in columns} for entry in self.entries]
        return pd.DataFrame(rows).set_index("name")

    def _repr_html_(self) -> str:
        return card_html(self.verdict, self.warnings, self.entries, self.checks, self.record)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
