"""What a user may choose about the registration of a stack."""

from __future__ import annotations

from dataclasses import dataclass

from socwidgets.model.parameters import Parameters, param


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationParams(Parameters):
    """How drift is measured and when it is corrected."""

    reference: str = param(
        "mean",
        "What a frame is compared with: the mean of the aligned frames (best where it works), the "
        "frame before it (for contrast that changes completely; errors add up), the first, or a "
        "chosen one (reference_frame).",
        choices=("mean", "neighbor", "first", "frame"),
    )
    reference_frame: int = param(
        0, "Number of the chosen frame, for reference = 'frame'.", low=0, high=100000
    )
    image: str = param(
        "signal",
        "Compare the signal itself, or the magnitude of its gradient (edges), which keeps its sign "
        "where the contrast inverts across an absorption edge.",
        choices=("signal", "gradient"),
    )
    passes: int = param(3, "Rounds of refining the mean frame.", low=1, high=20)
    upsample: int = param(
        50, "Drift is read on a grid of 1/upsample pixel.", label="Steps per pixel", low=1, high=200
    )
    smooth_px: float = param(
        0.5, "Width of the Gaussian that smooths a frame before it is compared; the frames "
        "themselves are not smoothed.", unit="px", low=0, high=10,
    )  # fmt: skip
    high_pass_px: float = param(
        4.0, "Structure wider than this Gaussian is removed before frames are compared, because "
        "uneven illumination does not move with the sample; 0 for none.",
        unit="px", low=0, high=200,
    )  # fmt: skip
    taper: float = param(
        0.05, "Part of the field over which a frame fades at its border.", low=0, high=0.5
    )
    min_correlation: float = param(
        0.05, "A frame that resembles the reference less takes the drift of its neighbors.",
        low=0, high=1,
    )  # fmt: skip
    believe_jumps: bool = param(
        False, "Believe a single frame that lies far from its neighbors; else it takes theirs.",
    )  # fmt: skip
    smooth_frames: float = param(
        0.0, "Width of the Gaussian that smooths the drift over frames, for slow drift only.",
        unit="frames", low=0, high=50,
    )  # fmt: skip
    degree: int | None = param(
        None, "Degree of a polynomial over the frames that replaces the drift of single frames, "
        "fitted so that outliers do not bend it; empty: each frame keeps its own.", low=0, high=9,
    )  # fmt: skip
    magnification: float = param(
        0.0, "The image grows like a power of the energy: 1 or -1 for a zone plate whose focal "
        "length nobody corrects (which one depends on the beamline), 0 for none.",
        label="Power of the magnification", low=-2, high=2,
    )  # fmt: skip
    magnification_ev: float | None = param(
        None, "Energy whose frame keeps its size; empty: the middle of the axis.", unit="eV"
    )
    raster: bool = param(
        False, "The rows of a frame were scanned one after the other while the sample drifted: "
        "each row gets the drift of its own time.",
    )  # fmt: skip
    row_step: int = param(
        16, "For raster: the rows are compared with the mean frame, their drift is a smooth curve "
        "with a support every so many rows, believed as far as one half of the columns tells the "
        "other's; 0 does not compare them but takes the drift between the frames, as if it went "
        "on evenly.", unit="rows", low=0, high=1000,
    )  # fmt: skip
    threshold_px: float = param(
        0.2, "Smaller drift (root mean square) is left alone: nothing is interpolated.",
        unit="px", low=0, high=10,
    )  # fmt: skip
    max_shift_px: float = param(
        20.0, "Larger drift is refused: something else is wrong.", unit="px", low=0.1, high=1000
    )
