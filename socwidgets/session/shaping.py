"""Regions that need the data: grown, painted, combined, taken from particles; as GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.geojson import rois_from_geojson, rois_to_geojson
from socwidgets.model.names import X, Y
from socwidgets.model.roi import ROI, Area, Shape
from socwidgets.session import display
from socwidgets.session.choosing import Choosing
from socwidgets.session.roi_names import unique_rois


class Shaping(Choosing):
    """Regions made from values, strokes, particles and other regions."""

    def grown(self, x_um: float, y_um: float, tolerance: float | None = None) -> Area:
        """Connected pixels whose shown value is like that of one pixel, as a shape.

        Parameters
        ----------
        x_um, y_um : float
            The pixel to start from.
        tolerance : float, optional
            Largest difference, in the unit of what is shown; a tenth of the color limits if left
            out.

        Raises
        ------
        ParameterError, DataError
            If the place is outside the image, or its pixel has no value.
        """
        from socwidgets.analysis.roi_area import area_of, grow

        pixel = display.pixel_at(self._state.stack, x_um, y_um)
        if pixel is None:
            raise ParameterError("the place is outside the image", found=f"({x_um:g}, {y_um:g}) um")
        low, high = self.displayed_limits()
        most = 0.1 * (high - low) if tolerance is None else float(tolerance)
        return area_of(grow(self._on_axes(self.displayed()), pixel, most))

    def grow_roi(
        self, x_um: float, y_um: float, tolerance: float | None = None, name: str | None = None
    ) -> ROI:
        """Make a region of the connected pixels whose shown value is like one's, see `grown`."""
        return self.add_roi(self.grown(x_um, y_um, tolerance), name)

    def paint_roi(
        self, points: Sequence[tuple[float, float]], radius_um: float, name: str | None = None,
        *, erase: bool = False,
    ) -> ROI | None:  # fmt: skip
        """Paint with a round brush: add to a region, or take away from it; else a new region.

        Parameters
        ----------
        points : sequence of (float, float)
            The way of the brush, x and y in um.
        radius_um : float
            Radius of the brush.
        name : str, optional
            The region that is changed; a new one if left out.
        erase : bool
            Whether the stroke is taken away. A region of which nothing is left is deleted, and
            None returned.

        Raises
        ------
        ParameterError, DataError
            If there is no such region, or no pixel below the brush of a new one.
        """
        from socwidgets.analysis.roi_area import area_of, stroke_mask

        stroke = stroke_mask(np.asarray(points, float), float(radius_um), self._like())
        if name is None:
            if erase:
                raise ParameterError("nothing to erase from", fix="select a region first")
            return self.add_roi(area_of(stroke))
        before = self._mask_of(self.roi(name).shape)
        after = before & ~stroke if erase else before | stroke
        if not bool(after.any()):
            self.delete_roi(name)
            return None
        if not bool((after ^ before).any()):
            return self.roi(name)
        self.edit_roi(name, area_of(after))
        return self.roi(name)

    def combine_roi(self, name: str, other: str | Shape, operation: str = "add") -> ROI:
        """Change a region by another one, or by a shape; the other region stays as it is.

        Parameters
        ----------
        name : str
            The region that is changed.
        other : str or shape
            Name of another region, or a shape in um.
        operation : {"add", "subtract", "intersect"}
            What the other does to it.

        Raises
        ------
        ParameterError, DataError
            If a region or the operation is unknown, or nothing would be left.
        """
        from socwidgets.analysis.roi_area import combine

        shape = self.roi(other).shape if isinstance(other, str) else other
        found = combine(self.roi(name).shape, shape, operation, self._like(), self._state.maps)
        self.edit_roi(name, found)
        return self.roi(name)

    def particle_roi(self, label: int | None = None) -> ROI:
        """Make a region of a particle, the chosen one if `label` is left out."""
        from socwidgets.analysis.roi_area import area_of

        labels = self._state.labels
        number = self._state.particle if label is None else int(label)
        if labels is None or number is None:
            raise ParameterError("no particle is chosen", fix="segment and choose one first")
        mask = self._on_axes(labels.transpose(Y, X) == number)
        if not bool(mask.any()):
            raise DataError(f"there is no particle {number}")
        return self.add_roi(area_of(mask), f"Particle {number}")

    # -- files ---------------------------------------------------------------------------------

    def rois_to_geojson(self) -> str:
        """All regions as a GeoJSON feature collection in um, exact for `rois_from_geojson`."""
        return json.dumps(rois_to_geojson(self._state.rois), indent=1)

    def load_rois(self, text: str) -> None:
        """Replace all regions by those of `rois_to_json` or `rois_to_geojson`, or any GeoJSON.

        Raises
        ------
        ParameterError
            If the text is neither.
        """
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            raise ParameterError("the regions are no JSON text", found=str(error)) from None
        if not isinstance(found, dict):
            self.rois_from_json(text)
            return
        rois = unique_rois(rois_from_geojson(found))
        self._edit(lambda _: (rois, rois[-1].name if rois else None))

    # -- what they are computed on -------------------------------------------------------------

    def _like(self) -> xr.Dataset:
        return self._state.stack[[Y, X]]

    def _on_axes(self, values: xr.DataArray) -> xr.DataArray:
        """Values on the coordinates of the stack: labels and maps may come without."""
        stack = self._state.stack
        return xr.DataArray(values.values, {Y: stack[Y], X: stack[X]}, (Y, X), values.name)

    def _mask_of(self, shape: Shape) -> xr.DataArray:
        return self._derived.mask(self._state, shape)
