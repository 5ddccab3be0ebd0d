"""Parameters of the templates that go beyond one map: series, particles, comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from socwidgets.model.errors import ParameterError
from socwidgets.model.parameters import param
from socwidgets.reports.parameters import SocMapReport

#: States of the simulated series: the same particles, later and later in the charge.
_DEMO_SERIES = ";".join(f"phantom:concurrent:size_px 96,n_particles 9,time {t}" for t in
                        (0.2, 0.5, 0.8))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PathwayReport(SocMapReport):
    """Parameters of the report `pathway`: how an ensemble of particles reacts."""

    stack: str = param(
        "phantom:particle_by_particle:size_px 160,n_particles 25",
        "File or folder of the stack, or 'phantom:NAME' to simulate; options after a colon.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticlesReport(SocMapReport):
    """Parameters of the report `particles`: one section for each selected particle."""

    particles: str = param("", "Numbers of the particles, separated by commas; empty: the largest.")
    n_particles: int = param(6, "How many of the largest, if none is named.", low=1, high=60)
    rings: int = param(6, "Bins of the radial profile.", low=2, high=60)

    def check(self) -> None:
        """Check that the particles are numbers."""
        SocMapReport.check(self)
        self.wanted()

    def wanted(self) -> tuple[int, ...]:
        """Numbers of the particles that were named."""
        try:
            return tuple(int(part) for part in self.particles.split(",") if part.strip())
        except ValueError:
            raise ParameterError(
                "the particles are not numbers", expected="1,4,7", found=repr(self.particles)
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesReport(SocMapReport):
    """Parameters of the report `series`: states of a cycle, rates, temperatures."""

    PATHS: ClassVar[tuple[str, ...]] = ("flat", "dark")
    PATH_SERIES: ClassVar[tuple[str, ...]] = ("stack",)

    stack: str = param(
        _DEMO_SERIES, "Files or folders of the stacks, one per state, separated by semicolons."
    )
    coordinate: str = param(
        "", "Value of each state (time, rate, temperature), separated by commas; empty: 1, 2, ..."
    )
    coordinate_name: str = param("state", "What the coordinate is.")
    coordinate_unit: str = param("", "Unit of the coordinate.")
    tracking: bool = param(
        True, "Whether the states show the same field of view, so that particles can be followed."
    )
    bundle: bool = param(True, "Whether to write the bundle of the last state as netCDF.")

    def check(self) -> None:
        """Check that every state has its coordinate."""
        SocMapReport.check(self)
        _refuse_one_charge(self)
        if len(self.stacks()) < 2:
            raise ParameterError(
                "a series needs two states or more",
                expected="stack=first;second;...",
                found=self.stack,
            )
        self.coordinates()

    def stacks(self) -> tuple[str, ...]:
        """Stack of each state."""
        return tuple(part.strip() for part in self.stack.split(";") if part.strip())

    def coordinates(self) -> tuple[float, ...]:
        """Value of each state.

        Raises
        ------
        ParameterError
            If there are not as many numbers as states.
        """
        count = len(self.stacks())
        if not self.coordinate.strip():
            return tuple(float(i) for i in range(1, count + 1))
        try:
            found = tuple(float(part) for part in self.coordinate.split(","))
        except ValueError:
            found = ()
        if len(found) != count:
            raise ParameterError(
                "the coordinate does not fit the states",
                expected=f"{count} numbers, separated by commas",
                found=repr(self.coordinate),
            )
        return found

    def one(self, stack: str) -> SocMapReport:
        """Parameters for the map of one state."""
        return _plain(self, stack)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareReport(SocMapReport):
    """Parameters of the report `compare`: two samples or two treatments, with significance."""

    PATHS: ClassVar[tuple[str, ...]] = ("stack", "second", "flat", "dark")

    stack: str = param(
        "phantom:concurrent:size_px 96,n_particles 9,time 0.4",
        "File or folder of the first stack, or 'phantom:NAME' to simulate.",
    )
    second: str = param(
        "phantom:concurrent:size_px 96,n_particles 9,time 0.6",
        "File or folder of the second stack.",
    )
    first_name: str = param("first", "Name of the first sample.")
    second_name: str = param("second", "Name of the second sample.")
    same_particles: bool = param(
        False, "Whether both show the same particles: then each is compared with itself."
    )

    def check(self) -> None:
        """Check that there is something to compare with."""
        SocMapReport.check(self)
        _refuse_one_charge(self)
        if not self.second.strip():
            raise ParameterError("there is no second stack to compare with", fix="give second=...")

    def one(self, stack: str) -> SocMapReport:
        """Parameters for the map of one sample."""
        return _plain(self, stack)


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport(SocMapReport):
    """Parameters of the report `quality`: what claims this data set can support."""

    claim: str = param(
        "The state of charge is heterogeneous.", "The statement that the data are to support."
    )
    smallest_spread: float = param(
        0.05, "Smallest spread (or difference) that the statement speaks of.", low=0.0, high=1.0
    )


def _plain(params: SocMapReport, stack: str) -> SocMapReport:
    names = SocMapReport().to_dict()
    values = {name: getattr(params, name) for name in names}
    return SocMapReport.from_mapping({**values, "stack": stack})


def _refuse_one_charge(params: SocMapReport) -> None:
    if params.charge_soc is not None:
        raise ParameterError(
            "one state of charge cannot be that of several stacks",
            expected="charge_soc as an attribute of each file",
            found=f"charge_soc={params.charge_soc:g}",
            fix="leave charge_soc out, or run the report soc_map on each stack",
        )
