"""Key figures look as they did: compared at low resolution, so that fonts may differ by a pixel.

Renew a baseline after a wanted change with ``python tests/plotting/test_review_images.py``; look at
the pictures in ``tests/plotting/baseline``.
"""

import io
from pathlib import Path

import matplotlib.image as mpimg
import numpy as np
import pytest

from socwidgets.plotting.review import review_figure
from socwidgets.plotting.style import png_bytes

FOLDER = Path(__file__).parent / "baseline"
NAMES = ("1", "7d", "15f-h", "26a-d", "27c")
#: Root mean square of gray and color values, 0 to 1. A wrong color map gives some 0.1.
TOLERANCE = 0.03
_DPI, _BLOCK = 48, 4


def coarse(picture):
    """Mean over blocks of pixels, RGB."""
    rgb = picture[..., :3]
    ny, nx = (n // _BLOCK * _BLOCK for n in rgb.shape[:2])
    blocks = rgb[:ny, :nx].reshape(ny // _BLOCK, _BLOCK, nx // _BLOCK, _BLOCK, 3)
    return blocks.mean(axis=(1, 3))


def distance(one, two):
    assert one.shape == two.shape
    return float(np.sqrt(np.mean((coarse(one) - coarse(two)) ** 2)))


def drawn(name, **options):
    return mpimg.imread(io.BytesIO(png_bytes(review_figure(name, seed=1, **options).figure, _DPI)))


@pytest.mark.parametrize("name", NAMES)
def test_looks_as_before(name):
    baseline = mpimg.imread(FOLDER / f"review_{name}.png")
    assert (FOLDER / f"review_{name}.png").stat().st_size < 50_000
    assert distance(drawn(name), baseline) < TOLERANCE


def test_other_colors_and_other_data_are_noticed():
    baseline = mpimg.imread(FOLDER / "review_7d.png")
    assert distance(drawn("7d", colors="paper"), baseline) > TOLERANCE
    moved = np.roll(mpimg.imread(FOLDER / "review_1.png"), 12, axis=1)
    assert distance(moved, mpimg.imread(FOLDER / "review_1.png")) > TOLERANCE


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for wanted in NAMES:
        picture = png_bytes(review_figure(wanted, seed=1).figure, _DPI)
        (FOLDER / f"review_{wanted}.png").write_bytes(picture)
