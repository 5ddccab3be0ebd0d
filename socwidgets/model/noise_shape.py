"""How the noise of neighboring pixels hangs together once frames have been interpolated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

#: Attribute of a stack or map set, `NoiseShape.to_attr`; absent where the noise is white.
NOISE_SHAPE = "noise_correlation"


@dataclass(frozen=True, slots=True)
class NoiseShape:
    """Correlation of the noise of a pixel with that of others.

    Attributes
    ----------
    along_y, along_x, diagonal : float
        With the next pixel along y, along x, and along both.
    area : float
        Variance of a sum over a wide area, relative to that of independent pixels.
    """

    along_y: float = 0.0
    along_x: float = 0.0
    diagonal: float = 0.0
    area: float = 1.0

    def at(self, dy: int, dx: int) -> float:
        """Correlation at an offset of at most one pixel; 0 beyond, which is nearly so."""
        table = {(1, 0): self.along_y, (0, 1): self.along_x, (1, 1): self.diagonal}
        return table.get((abs(dy), abs(dx)), 0.0)

    def to_attr(self) -> list[float]:
        """Value of the attribute `NOISE_SHAPE`."""
        return [float(part) for part in astuple(self)]

    @classmethod
    def of(cls, attrs: Mapping[Any, Any]) -> NoiseShape:
        """From the attributes of a stack or map set; white where they say nothing."""
        return cls(*(float(part) for part in attrs[NOISE_SHAPE])) if NOISE_SHAPE in attrs else cls()


#: Of independent pixels.
WHITE = NoiseShape()
