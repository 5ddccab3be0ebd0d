"""Ready-made ways from a stack to a SOC map, to hand to functions that run them again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import xarray as xr

from socwidgets.analysis.calibration import TwoPoint, soc_map
from socwidgets.analysis.edge_jump import MASK, edge_jump
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.optical_density import optical_density
from socwidgets.analysis.registration import register
from socwidgets.model.names import QUANTITY
from socwidgets.techniques.stxm import prepare_stxm


@dataclass(frozen=True, slots=True)
class MapPipeline:
    """Optical density, registration, mask, fit and calibration in one callable object.

    Attributes
    ----------
    method : str
        Of `fit_map`: ``"lcf"``, ``"white_line"``, ``"edge_energy"`` ...
    references : xarray.DataArray, optional
        For a linear combination fit.
    calibration : TwoPoint or str, optional
        As for `soc_map`.
    fit : mapping
        Further parameters of `fit_map`.
    registration : mapping, optional
        Parameters of `register` (``{}`` for its defaults); None leaves the frames where they are.
    mask : mapping, optional
        Parameters of `edge_jump`, whose mask is used (``{}`` for its defaults); None fits all
        pixels.
    stxm : mapping, optional
        Parameters of `prepare_stxm` (``{}`` for its defaults); None leaves that step out.
    """

    method: str = "lcf"
    references: xr.DataArray | None = None
    calibration: TwoPoint | str | None = None
    fit: Mapping[str, Any] = field(default_factory=dict)
    registration: Mapping[str, Any] | None = None
    mask: Mapping[str, Any] | None = field(default_factory=dict)
    stxm: Mapping[str, Any] | None = None

    def __call__(self, stack: xr.Dataset) -> xr.Dataset:
        """SOC map of a stack of counts or optical density, on the stack's own pixels."""
        od = optical_density(stack) if stack.attrs.get(QUANTITY) == "counts" else stack
        if self.registration is not None:
            od = register(od, **self.registration)
        if self.stxm is not None:
            od = prepare_stxm(od, **self.stxm)
        mask = None if self.mask is None else edge_jump(od, **self.mask)[MASK]
        maps = fit_map(od, self.method, references=self.references, mask=mask, **self.fit)
        return soc_map(maps, self.calibration)


def lcf_pipeline(
    references: xr.DataArray, charged: str | None = None, **options: Any
) -> MapPipeline:
    """Linear combination fit with references: the usual pipeline.

    Parameters
    ----------
    references : xarray.DataArray
        ``(component, spectral)``.
    charged : str, optional
        Name of the charged reference; the last one if left out.
    **options
        Further fields of `MapPipeline`.
    """
    return MapPipeline("lcf", references, charged, **options)
