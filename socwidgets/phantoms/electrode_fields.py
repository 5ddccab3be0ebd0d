"""Electrodes: a gradient through the depth, lost contact in the plane, and planned variances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.model.parameters import param
from socwidgets.phantoms.build import Grid, build_phantom, volume_dataset
from socwidgets.phantoms.fields import gaussian_field
from socwidgets.phantoms.phantom import FieldParams, Phantom
from socwidgets.phantoms.xanes_references import JUMP_PER_UM, xanes_references

DEPTH_MODELS = ("linear", "exponential", "two_sided")


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthParams(FieldParams):
    """Cross-section of an electrode; y runs from the separator (0) to the collector."""

    size_px: int = param(96, "Pixels through the depth.", unit="px", low=8, high=4096)
    lateral_px: int = param(96, "Pixels along the electrode.", unit="px", low=8, high=4096)
    pixel_um: float = param(1.0, "Pixel size.", unit="um", low=1e-4, high=1e3)
    oversample: int = param(1, "Points of the true field per pixel edge; odd.", low=1, high=9)
    model: str = param("linear", "How SOC depends on the depth.", choices=DEPTH_MODELS)
    mean_soc: float = param(0.5, "Mean SOC.", low=0, high=1)
    gradient: float = param(
        0.4, "SOC at the separator minus that at the collector (two-sided: faces minus middle).",
        low=-1, high=1,
    )  # fmt: skip
    length: float = param(
        0.3, "Penetration length (exponential) or h (two-sided), in units of the thickness.",
        low=0.02, high=10,
    )  # fmt: skip
    sigma_field: float = param(
        0.05, "Standard deviation in the plane, from particle to particle.", low=0, high=0.5
    )
    correlation_um: float = param(4.0, "Correlation length in the plane.", unit="um", low=1e-4)
    thickness_um: float = param(10.0, "Thickness of the section.", unit="um", low=1e-3, high=1e4)
    element: str = param("Ni", "Absorber: Ni (NMC) or Co (LCO).", choices=("Ni", "Co"))
    od_per_um: float = param(
        JUMP_PER_UM["NMC622"], "Edge jump per thickness.", unit="um-1", low=1e-4, high=50
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StackParams(FieldParams):
    """Layers of particles of pixels, with a planned variance at each level."""

    layers: int = param(5, "Layers through the depth.", low=2, high=100)
    particles: int = param(12, "Particles in each layer.", low=2, high=1000)
    particle_px: int = param(10, "Edge of a square particle.", unit="px", low=3, high=200)
    pixel_um: float = param(0.5, "Pixel size.", unit="um", low=1e-4, high=1e3)
    oversample: int = param(1, "Points of the true field per pixel edge; odd.", low=1, high=9)
    mean_soc: float = param(0.5, "Mean SOC.", low=0, high=1)
    variance_layer: float = param(0.010, "Variance between layers.", low=0, high=0.25)
    variance_particle: float = param(0.004, "Variance between particles of a layer.", low=0)
    variance_pixel: float = param(0.002, "Variance inside particles.", low=0, high=0.25)
    thickness_um: float = param(5.0, "Thickness.", unit="um", low=1e-3, high=1e4)


def depth_profile(depth: np.ndarray, params: DepthParams) -> np.ndarray:
    """SOC against depth, with the planned mean.

    Parameters
    ----------
    depth : ndarray
        0 at the separator, 1 at the collector.
    params : DepthParams
        ``linear``: ``m + g (1/2 - z)``; ``exponential``: ``c + g' exp(-z/l)`` with ``g`` between
        the faces; ``two_sided``: ``a + b cosh((z - 1/2)/h)`` with ``g`` between faces and middle.
    """
    fine = (np.arange(20_000) + 0.5) / 20_000
    if params.model == "linear":
        return params.mean_soc + params.gradient * (0.5 - depth)
    if params.model == "exponential":
        scale = params.gradient / (1.0 - np.exp(-1.0 / params.length))
        middle = float(np.exp(-fine / params.length).mean())
        return params.mean_soc + scale * (np.exp(-depth / params.length) - middle)
    scale = params.gradient / (np.cosh(0.5 / params.length) - 1.0)
    middle = float(np.cosh((fine - 0.5) / params.length).mean())
    return params.mean_soc + scale * (np.cosh((depth - 0.5) / params.length) - middle)


def depth_gradient(params: DepthParams, seed: int = 0) -> Phantom:
    """Section through an electrode with a known profile and a random field over it.

    `numbers`: ``mean``, ``gradient`` (face to face), ``slope_per_um``, ``std_depth`` (standard
    deviation of the profile; ``|g|/sqrt 12`` if linear), ``std_plane``, ``length_um`` (penetration
    length, exponential and two-sided).

    Parameters
    ----------
    params : DepthParams
        What to make.
    seed : int
        Seed of the field in the plane.
    """
    grid = Grid.of(params, (params.size_px, params.lateral_px))
    depth = (np.arange(grid.fine_shape[0]) + 0.5) / grid.fine_shape[0]
    rng = np.random.default_rng([seed, 1])
    texture = gaussian_field(grid.fine_shape, params.correlation_um / grid.step_um, rng)
    # Row means taken out: the profile is exact, and the texture is in the plane only.
    texture = texture - texture.mean(axis=1, keepdims=True)
    texture /= texture.std()
    profile = depth_profile(depth, params)
    soc = profile[:, None] + params.sigma_field * texture
    fine = depth_profile((np.arange(20_000) + 0.5) / 20_000, params)
    total = params.size_px * params.pixel_um
    ends = depth_profile(np.array([0.0, 1.0]), params)
    numbers = {
        "mean": params.mean_soc,
        "gradient": float(ends[0] - ends[1]),
        "slope_per_um": float(ends[1] - ends[0]) / total,
        "std_depth": float(fine.std()),
        "std_plane": params.sigma_field,
        "length_um": params.length * total,
    }
    names = ("LiNiO2", "Ni4+") if params.element == "Ni" else ("LiCoO2", "Li0.5CoO2")
    labels = ("Ni3+", "Ni4+") if params.element == "Ni" else names
    return build_phantom(
        "depth_gradient", params, seed, grid, thickness=np.full(soc.shape, params.thickness_um),
        soc=soc, references=xanes_references(dict(zip(labels, names, strict=True))),
        states=("electrode",), numbers=numbers,
    )  # fmt: skip


def electrode_stack(params: StackParams, seed: int = 0) -> Phantom:
    """Layers (rows of particles) with exactly the planned variance at each level.

    The offsets of layers, of particles within a layer and of pixels within a particle are
    standardized, so the nested decomposition has one right answer. Labels count particles layer
    by layer; the truth also holds ``layer`` (1 at the top).

    `numbers`: ``mean``, ``variance_layer``, ``variance_particle``, ``variance_pixel``,
    ``variance_total`` and the shares ``share_layer``, ``share_particle``, ``share_pixel``.

    Parameters
    ----------
    params : StackParams
        What to make; `size_px` is not used.
    seed : int
        Seed of the offsets.
    """
    rng = np.random.default_rng([seed, 1])
    edge, gap = params.particle_px, 2
    cell = edge + gap
    grid = Grid.of(params, (params.layers * cell + gap, params.particles * cell + gap))
    layer = _offsets((params.layers,), params.variance_layer, rng)
    particle = _offsets((params.layers, params.particles), params.variance_particle, rng)
    pixel = _offsets((params.layers, params.particles, edge**2), params.variance_pixel, rng)
    soc, labels = np.zeros(grid.shape), np.zeros(grid.shape, np.int32)
    bands = np.zeros(grid.shape, np.int32)
    for i in range(params.layers):
        for j in range(params.particles):
            at = (slice(gap + i * cell, gap + i * cell + edge),
                  slice(gap + j * cell, gap + j * cell + edge))  # fmt: skip
            values = params.mean_soc + layer[i] + particle[i, j] + pixel[i, j]
            soc[at] = values.reshape(edge, edge)
            labels[at] = i * params.particles + j + 1
            bands[at] = i + 1
    fill = np.ones((grid.oversample, grid.oversample), dtype=int)
    fine_soc, fine_labels = np.kron(soc, fill), np.kron(labels, fill)
    phantom = build_phantom(
        "electrode_stack", params, seed, grid,
        thickness=np.where(fine_labels > 0, params.thickness_um, 0.0), soc=fine_soc,
        labels=fine_labels,
        references=xanes_references({"Ni3+": "LiNiO2", "Ni4+": "Ni4+"}),
        states=("particle",) * (params.layers * params.particles), numbers=_shares(params),
    )  # fmt: skip
    phantom.truth["layer"] = (("y", "x"), bands, {"long_name": "Layer", "units": "1"})
    return phantom


def _offsets(shape: tuple[int, ...], variance: float, rng: np.random.Generator) -> np.ndarray:
    """Offsets with mean 0 and exactly the wanted variance along the last axis."""
    draws = rng.standard_normal(shape)
    draws -= draws.mean(axis=-1, keepdims=True)
    return np.sqrt(variance) * draws / draws.std(axis=-1, keepdims=True)


def _shares(params: StackParams) -> dict[str, float]:
    parts = {name: getattr(params, f"variance_{name}") for name in ("layer", "particle", "pixel")}
    total = sum(parts.values())
    return {
        "mean": params.mean_soc,
        **{f"variance_{name}": part for name, part in parts.items()},
        "variance_total": total,
        **{f"share_{name}": part / total for name, part in parts.items() if total},
    }


def thick_electrode(params: DepthParams, seed: int = 0) -> Phantom:
    """Volume ``(layer, y, x)`` of a thick electrode: the profile through depth, a field in plane.

    As XRD-CT sees it (Fig. 15): the layers are the planes of the volume. The spread in the plane
    grows from half of `sigma_field` at the separator to one and a half of it at the collector.
    The map is the first layer.

    `numbers`: as `depth_gradient`, with ``std_plane_first`` and ``std_plane_last``.

    Parameters
    ----------
    params : DepthParams
        What to make: `size_px` layers of `lateral_px` by `lateral_px` pixels.
    seed : int
        Seed of the field.
    """
    n, edge = params.size_px, params.lateral_px
    rng = np.random.default_rng([seed, 1])
    length = params.correlation_um / params.pixel_um
    depth = (np.arange(n) + 0.5) / n
    spread = params.sigma_field * (0.5 + (np.arange(n) / max(n - 1, 1)))
    field = gaussian_field((n, edge, edge), length, rng)
    field -= field.mean(axis=(1, 2), keepdims=True)
    field /= field.std(axis=(1, 2), keepdims=True)
    soc = depth_profile(depth, params)[:, None, None] + spread[:, None, None] * field
    grid = Grid((edge, edge), params.pixel_um)
    flat = params.replace(oversample=1)
    numbers = dict(depth_gradient(flat, seed).numbers)
    numbers.update(std_plane_first=float(spread[0]), std_plane_last=float(spread[-1]))
    return build_phantom(
        "thick_electrode", flat, seed, grid, thickness=np.full(grid.shape, params.thickness_um),
        soc=soc[0], references=xanes_references({"Ni3+": "LiNiO2", "Ni4+": "Ni4+"}),
        states=("electrode",), numbers=numbers,
        volume=volume_dataset(soc, np.ones(soc.shape, np.int32), params.pixel_um),
    )  # fmt: skip
