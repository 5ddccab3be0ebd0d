"""Parameters of the report templates, and how they become a notebook's parameters cell."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from socwidgets.model.errors import ParameterError
from socwidgets.model.parameters import Parameters, param
from socwidgets.phantoms.by_name import PHANTOM_PREFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class SocMapReport(Parameters):
    """Parameters of the report `soc_map`: from a stack to a map, its spread and its doubts."""

    #: Parameters that name one file or folder, and those that name several, separated by commas.
    PATHS: ClassVar[tuple[str, ...]] = ("stack", "flat", "dark")
    PATH_LISTS: ClassVar[tuple[str, ...]] = ("references",)
    #: Those that name several stacks, separated by semicolons (a phantom's options hold commas).
    PATH_SERIES: ClassVar[tuple[str, ...]] = ()

    stack: str = param(
        "phantom:lfp",
        "File or folder of the stack, or 'phantom:lfp' to simulate; options after a colon.",
    )
    references: str = param(
        "",
        "Files of the reference spectra, separated by commas, discharged first, each with a name "
        "and an equals sign before it if it needs one; empty for a phantom's own.",
    )
    charged: str | None = param(
        None, "Name of the reference that is the charged (oxidized) state; empty for the last."
    )
    quantity_name: str = param(
        "", "Name of the map, such as 'Fe(III) fraction'; empty for 'State of charge'."
    )
    title: str = param("", "Title of the report; made from the sample if empty.")
    sample: str = param("", "Name of the sample.")
    flat: str | None = param(None, "File with the counts without sample; empty for the stack's I0.")
    dark: str | None = param(None, "File with the counts without beam; empty for the stack's own.")
    pixel_um: float | None = param(
        None, "Pixel size, if the file states none or a wrong one.", unit="um", low=1e-4, high=1e4
    )
    registration: str = param(
        "auto",
        "'auto' aligns the frames if they drift by more than a fifth of a pixel; 'off'; 'always'.",
        choices=("auto", "off", "always"),
    )
    i0_offset: str = param(
        "auto",
        "'auto' subtracts the optical density of object-free pixels before the edge (an I0 on "
        "another scale than the images); 'none' leaves it to the fit's background.",
        choices=("auto", "none"),
    )
    max_od: float = param(
        1.5, "Optical density beyond which a pixel counts as saturated (1.5 at an L edge).", low=0.1
    )
    energy_low: float | None = param(None, "Lowest energy of the fit; empty for all.", unit="eV")
    energy_high: float | None = param(None, "Highest energy of the fit; empty for all.", unit="eV")
    constraint: str = param(
        "non_negative",
        "Constraint on the weights of the references.",
        choices=("none", "non_negative", "sum_to_one", "simplex"),
    )
    background_degree: int = param(
        1, "Degree of the polynomial background fitted with the references.", low=0, high=1
    )
    energy_shift: float = param(
        0.0, "Added to the energies of the references.", unit="eV", low=-5.0, high=5.0
    )
    energy_std: float = param(
        0.1, "Standard uncertainty of the energy scale between references and stack.", unit="eV",
        low=0.0, high=5.0,
    )  # fmt: skip
    pre: tuple[float, float] | None = param(
        None, "Window before the edge, low, high; empty to find it.", unit="eV"
    )
    post: tuple[float, float] | None = param(
        None, "Window after the edge, low, high; empty to find it.", unit="eV"
    )
    min_jump: float = param(0.05, "Smallest edge jump of a pixel that is fitted.", low=0.0)
    jump_sigma: float = param(
        5.0, "Smallest edge jump in units of its own standard uncertainty.", low=0.0
    )
    r_max: float | None = param(
        None, "Largest R-factor (after background) that enters the statistics; empty for any.",
        low=1e-9,
    )  # fmt: skip
    min_area_um2: float = param(0.05, "Smaller particles are dropped.", unit="um^2", low=0.0)
    separation_um: float = param(
        0.3, "Touching particles whose centers are further apart are split.", unit="um", low=0.0
    )
    rois: str = param(
        "", "Regions: a JSON file, or the JSON text, as the explorer writes them; empty for none."
    )
    color_limits: tuple[float, float] | None = param(
        None, "Ends of the color scale of the map, low, high; empty for the usual ones."
    )
    energy_shown: float | None = param(
        None, "Frame at which the explorer stands when it is opened from this report.", unit="eV"
    )
    projection: bool = param(
        True, "Whether the map is a projection through the sample (false for a thin section)."
    )
    charge_soc: float | None = param(
        None, "State of charge by coulometry, to compare the map with; empty for the file's.",
        low=-1.0, high=2.0,
    )  # fmt: skip
    charge_soc_std: float = param(0.01, "Standard uncertainty of charge_soc.", low=0.0, high=1.0)
    particle_size: str = param("", "Factor: size of the particles; measured if empty.")
    morphology: str = param("", "Factor: shape and facets of the particles, in words.")
    carbon: str = param("", "Factor: carbon, such as content and how it is mixed, in words.")
    thickness: str = param("", "Factor: thickness or loading of the electrode, with its unit.")
    porosity: str = param("", "Factor: porosity of the electrode.")
    tortuosity: str = param("", "Factor: tortuosity of the electrode.")
    rate: str = param("", "Factor: rate of charge or discharge, and rest since, with units.")
    temperature: str = param("", "Factor: temperature of the cell, with its unit.")
    draws: int = param(1000, "Bootstrap resamples for the intervals.", low=100, high=100_000)
    bundle: bool = param(True, "Whether to write the bundle (stack, references, maps) as netCDF.")
    figures: bool = param(True, "Whether to write each figure as SVG, PNG and CSV (figures/).")
    seed: int = param(0, "Seed of every random generator of this report.", low=0)

    @classmethod
    def collect(cls, namespace: Mapping[str, Any]) -> Self:
        """Parameters from the variables of a notebook, which may hold text for every value."""
        names = [spec.name for spec in dataclasses.fields(cls)]
        return cls.from_mapping({name: namespace[name] for name in names if name in namespace})

    def check(self) -> None:
        """Check what can be checked before any file is opened."""
        low, high = self.energy_low, self.energy_high
        if low is not None and high is not None and low >= high:
            raise ParameterError(
                "the fit range is empty",
                expected="energy_low below energy_high",
                found=f"{low:g} to {high:g} eV",
            )
        for name, window in (("pre", self.pre), ("post", self.post)):
            if window is not None and window[0] >= window[1]:
                raise ParameterError(
                    f"the window {name} is empty", expected="low, high", found=str(window)
                )
        if self.color_limits is not None and self.color_limits[0] >= self.color_limits[1]:
            raise ParameterError(
                "the color scale is empty", expected="low, high", found=str(self.color_limits)
            )
        if not self.stack.strip():
            raise ParameterError("there is no stack to report on", fix="give stack=...")
        if not self.is_phantom and not self.references.strip():
            raise ParameterError(
                "there are no reference spectra",
                expected="references=name=file,name=file, discharged first",
                fix="only a phantom brings its own",
            )

    def edge_options(self) -> dict[str, Any]:
        """Options of `edge_jump`."""
        names = ("pre", "post", "min_jump", "jump_sigma")
        return {name: getattr(self, name) for name in names}

    def fit_options(self) -> dict[str, Any]:
        """Options of the linear combination fit."""
        window = {"low": self.energy_low, "high": self.energy_high}
        return {
            "constraint": self.constraint,
            "background_degree": self.background_degree,
            **window,
        }

    def particle_options(self) -> dict[str, Any]:
        """Options of `segment_particles` on the edge-jump map."""
        names = ("min_area_um2", "separation_um")
        return {"threshold": self.min_jump, **{name: getattr(self, name) for name in names}}

    @property
    def is_phantom(self) -> bool:
        """Whether the stack is simulated."""
        return self.stack.startswith(PHANTOM_PREFIX)


def type_words(cls: type[Parameters]) -> dict[str, str]:
    """Annotation of every field in words that papermill understands: ``"Optional[float]"``."""
    hints = typing.get_type_hints(cls)
    specs = dataclasses.fields(cls)  # type: ignore[arg-type]
    return {spec.name: _type_word(hints[spec.name]) for spec in specs}


def _type_word(hint: Any) -> str:
    if isinstance(hint, types.UnionType):
        inner = next(option for option in typing.get_args(hint) if option is not type(None))
        return f"Optional[{_type_word(inner)}]"
    if typing.get_origin(hint) is tuple:
        return f"Tuple[{', '.join(_type_word(option) for option in typing.get_args(hint))}]"
    return str(hint.__name__)


def parameters_cell(cls: type[Parameters]) -> str:
    """Source of the parameters cell of a template: one typed line with help per field.

    Papermill and its relatives read name, type, default and help from such a line, as long as it
    holds a single equals sign and the type no vertical bar.
    """
    words = type_words(cls)
    lines = []
    for spec in dataclasses.fields(cls):  # type: ignore[arg-type]
        unit = spec.metadata.get("unit")
        note = spec.metadata["help"] + (f" [{unit}]" if unit else "")
        word = f'"{words[spec.name]}"' if "[" in words[spec.name] else words[spec.name]
        lines.append(f"{spec.name}: {word} = {spec.default!r}  # {note}")
    return "\n".join(lines)
