"""Models of the NIST reference problems as plain Python functions, and a reader of their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "nist"


def bennett5(x, b1, b2, b3):
    return b1 * (b2 + x) ** (-1.0 / b3)


def boxbod(x, b1, b2):
    return b1 * (1 - np.exp(-b2 * x))


def chwirut(x, b1, b2, b3):
    return np.exp(-b1 * x) / (b2 + b3 * x)


def danwood(x, b1, b2):
    return b1 * x**b2


def enso(x, b1, b2, b3, b4, b5, b6, b7, b8, b9):
    t = 2 * np.pi * x
    return (
        b1
        + b2 * np.cos(t / 12)
        + b3 * np.sin(t / 12)
        + b5 * np.cos(t / b4)
        + b6 * np.sin(t / b4)
        + b8 * np.cos(t / b7)
        + b9 * np.sin(t / b7)
    )


def eckerle4(x, b1, b2, b3):
    return (b1 / b2) * np.exp(-0.5 * ((x - b3) / b2) ** 2)


def gauss(x, b1, b2, b3, b4, b5, b6, b7, b8):
    return (
        b1 * np.exp(-b2 * x)
        + b3 * np.exp(-((x - b4) ** 2) / b5**2)
        + b6 * np.exp(-((x - b7) ** 2) / b8**2)
    )


def hahn1(x, b1, b2, b3, b4, b5, b6, b7):
    return (b1 + x * (b2 + x * (b3 + x * b4))) / (1 + x * (b5 + x * (b6 + x * b7)))


def kirby2(x, b1, b2, b3, b4, b5):
    return (b1 + x * (b2 + x * b3)) / (1 + x * (b4 + x * b5))


def lanczos(x, b1, b2, b3, b4, b5, b6):
    return b1 * np.exp(-b2 * x) + b3 * np.exp(-b4 * x) + b5 * np.exp(-b6 * x)


def mgh09(x, b1, b2, b3, b4):
    return b1 * (x * x + x * b2) / (x * x + x * b3 + b4)


def mgh10(x, b1, b2, b3):
    return b1 * np.exp(b2 / (x + b3))


def mgh17(x, b1, b2, b3, b4, b5):
    return b1 + b2 * np.exp(-x * b4) + b3 * np.exp(-x * b5)


def misra1b(x, b1, b2):
    return b1 * (1 - (1 + b2 * x / 2) ** (-2))


def misra1c(x, b1, b2):
    return b1 * (1 - (1 + 2 * b2 * x) ** (-0.5))


def misra1d(x, b1, b2):
    return b1 * b2 * x * (1 + b2 * x) ** (-1)


def rat42(x, b1, b2, b3):
    return b1 / (1 + np.exp(b2 - b3 * x))


def rat43(x, b1, b2, b3, b4):
    return b1 / (1 + np.exp(b2 - b3 * x)) ** (1 / b4)


def roszman1(x, b1, b2, b3, b4):
    return b1 - b2 * x - np.arctan(b3 / (x - b4)) / np.pi


def thurber(x, b1, b2, b3, b4, b5, b6, b7):
    return (b1 + x * (b2 + x * (b3 + x * b4))) / (1 + x * (b5 + x * (b6 + x * b7)))


MODELS = {
    "Misra1a": boxbod, "Chwirut1": chwirut, "Chwirut2": chwirut, "Lanczos3": lanczos,
    "Gauss1": gauss, "Gauss2": gauss, "DanWood": danwood, "Misra1b": misra1b,
    "Kirby2": kirby2, "Hahn1": hahn1, "MGH17": mgh17, "Lanczos1": lanczos, "Lanczos2": lanczos,
    "Gauss3": gauss, "Misra1c": misra1c, "Misra1d": misra1d, "Roszman1": roszman1, "ENSO": enso,
    "MGH09": mgh09, "Thurber": thurber, "BoxBOD": boxbod, "Rat42": rat42, "MGH10": mgh10,
    "Eckerle4": eckerle4, "Rat43": rat43, "Bennett5": bennett5,
}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    x: np.ndarray
    y: np.ndarray
    starts: tuple[np.ndarray, np.ndarray]
    values: np.ndarray
    sigmas: np.ndarray
    squares: float
    level: str


def read_problem(name: str) -> Problem:
    lines = (FOLDER / f"{name}.dat").read_text().splitlines()
    rows = [line.split("=")[1].split() for line in lines[40:] if line.strip().startswith("b")]
    numbers = np.array([[float(v) for v in row[:4]] for row in rows if len(row) >= 4])
    squares = next(float(line.split(":")[1]) for line in lines if "Residual Sum of Sq" in line)
    level = next(line.split()[0].lower() for line in lines if "Level of Difficulty" in line)
    data = np.array([[float(v) for v in line.split()] for line in lines[60:] if line.strip()])
    starts = (numbers[:, 0], numbers[:, 1])
    return Problem(data[:, 1], data[:, 0], starts, numbers[:, 2], numbers[:, 3], squares, level)
