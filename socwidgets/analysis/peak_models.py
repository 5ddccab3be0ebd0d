"""Models of spectra by name: which parameters they have, and what these mean on the user's axis."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from socwidgets.model.errors import ParameterError
from socwidgets.model.names import STATUS, STD_SUFFIX, X, Y

#: Names that users write, the kernel's part and the names of its parameters.
PEAKS = {
    "gaussian": ("height", "center", "fwhm"),
    "lorentzian": ("height", "center", "fwhm"),
    "pseudo_voigt": ("height", "center", "fwhm", "eta"),
    "voigt": ("area", "center", "fwhm_gauss", "fwhm_lorentz"),
}
STEPS = {"arctan": ("step_height", "step_center", "step_width")}
STEPS["erf"] = STEPS["arctan"]
FALLS = {"exponential": ("amplitude", "rate"), "power_law": ("amplitude", "exponent")}
BACKGROUNDS = {"constant": 0, "linear": 1, "quadratic": 2, "cubic": 3}
#: The eight-parameter curve of a K edge: step, white line, sloping background.
ALIASES = {"k_edge": "arctan + gaussian + linear"}
#: What maps of every fit hold beside its parameters.
_TAKEN = {X, Y, STATUS, "redchi", "n_iterations"}


@dataclass(frozen=True, slots=True)
class UserModel:
    """A registered function; see `register_model`."""

    name: str
    function: Callable
    jacobian: Callable | None
    names: tuple[str, ...]
    initial: dict[str, float]


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a composite model.

    Attributes
    ----------
    kind : str
        Name in the tables of this module.
    names : tuple of str
        Its parameters, numbered where the model has several of a kind.
    first : int
        Position of the first of them in the model.
    suffix : str
        ``"_2"`` for the second peak, empty where there is only one.
    """

    kind: str
    names: tuple[str, ...]
    first: int
    suffix: str


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A composite model: terms in order, then a polynomial of `degree` (-1 for none)."""

    terms: tuple[Term, ...]
    degree: int

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters in the order of the kernel."""
        poly = tuple(f"background_{n}" for n in range(self.degree + 1))
        return tuple(name for term in self.terms for name in term.names) + poly

    def of(self, table: dict) -> list[Term]:
        """Terms of one family: `PEAKS`, `STEPS` or `FALLS`."""
        return [term for term in self.terms if term.kind in table]


_USER: dict[str, UserModel] = {}


def register_model(
    function: Callable,
    *,
    name: str | None = None,
    jacobian: Callable | None = None,
    initial: dict[str, float] | None = None,
) -> str:
    """Make a plain Python function available as a model of the method ``"peaks"``.

    Parameters
    ----------
    function : callable
        ``f(x, p1, p2, ...)`` on the spectral axis in its own units; arithmetic, numpy functions and
        branches. It is compiled when it is first used (one to three seconds).
    name : str, optional
        Name for ``fit_map(stack, "peaks", model=name)``; the function's own if left out.
    jacobian : callable, optional
        ``g(x, p1, p2, ...)`` that returns the derivatives as a tuple.
    initial : dict, optional
        Starting values by parameter name; those of the call are laid over them.

    Returns
    -------
    str
        The name.

    Raises
    ------
    ParameterError
        If the name is one of a stock model, the function has no named parameters, or a parameter
        is named like a map that every fit has.
    """
    from socwidgets.kernels.lm_user import parameter_names

    title = name or function.__name__
    if title in {**PEAKS, **STEPS, **FALLS, **BACKGROUNDS, **ALIASES} or not title.isidentifier():
        raise ParameterError(
            f"a model cannot be called {title!r}", expected="a new name, letters and digits only"
        )
    try:
        names = parameter_names(function)
    except ValueError as problem:
        raise ParameterError(str(problem), expected="def model(x, amplitude, tau, ...)") from None
    taken = [n for n in names if n in _TAKEN or n.removesuffix(STD_SUFFIX) in {*names} - {n}]
    if taken:
        raise ParameterError(
            f"the maps of a fit have something else that is called {', '.join(taken)}",
            fix="give the parameter another name",
        )
    _USER[title] = UserModel(title, function, jacobian, names, dict(initial or {}))
    return title


def find_model(text: str) -> ModelSpec | UserModel:
    """Read a model such as ``"arctan + 2*gaussian + linear"`` or the name of a registered one.

    Raises
    ------
    ParameterError
        If a term is unknown, or nothing is left to fit.
    """
    text = ALIASES.get(text.strip(), text.strip())
    if text in _USER:
        return _USER[text]
    kinds, degree = [], -1
    for term in text.split("+"):
        found = re.fullmatch(r"\s*(?:(\d)\s*\*)?\s*(\w+)\s*", term)
        times, word = found.groups() if found else (None, "")
        if word in BACKGROUNDS and degree < 0 and not times:
            degree = BACKGROUNDS[word]
        elif word in PEAKS or word in STEPS or word in FALLS:
            kinds += [word] * int(times or 1)
        else:
            raise ParameterError(
                f"the model has an unknown term {term.strip()!r}",
                expected="terms joined by +, such as '2*gaussian + linear'; one of "
                + ", ".join([*PEAKS, *STEPS, *FALLS, *BACKGROUNDS, *ALIASES, *_USER]),
            )
    return _number_terms(kinds, degree)


def _number_terms(kinds: list[str], degree: int) -> ModelSpec:
    """Name the parameters; several peaks, steps or falls of a model are numbered from one."""
    terms, first = [], 0
    for n, kind in enumerate(kinds):
        table = next(t for t in (PEAKS, STEPS, FALLS) if kind in t)
        siblings = [k for k in kinds if k in table]
        suffix = f"_{1 + sum(k in table for k in kinds[:n])}" if len(siblings) > 1 else ""
        names = tuple(f"{name}{suffix}" for name in table[kind])
        terms.append(Term(kind, names, first, suffix))
        first += len(names)
    if not terms:
        raise ParameterError("the model has no peak", expected="for instance 'gaussian + linear'")
    return ModelSpec(tuple(terms), degree)


def axis_gauge(spec: ModelSpec, middle: float, half: float) -> tuple[np.ndarray, np.ndarray]:
    """Factor and offset from the kernel's parameters to the user's.

    The kernel works on an axis scaled to [-1, 1] (`middle` goes to 0, `half` is its unit).
    """
    factors = {
        "center": half, "step_center": half, "fwhm": half, "fwhm_gauss": half,
        "fwhm_lorentz": half, "step_width": half, "area": half, "rate": 1.0 / half,
    }  # fmt: skip
    base = [re.sub(r"_\d$", "", name) for name in spec.names]
    factor = np.array([factors.get(b, 1.0) for b in base])
    offset = np.array([middle if b in ("center", "step_center") else 0.0 for b in base])
    return factor, offset


def default_bounds(spec: ModelSpec, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds in the kernel's units: what no measurement can show is not searched.

    Centers stay inside the window, widths between a fifth of the sample spacing and twice the
    window, mixing between Gaussian and Lorentzian.
    """
    limits = {
        "center": (-1.0, 1.0), "step_center": (-1.0, 1.0), "eta": (0.0, 1.0),
        "fwhm": (0.2 * spacing, 4.0), "fwhm_gauss": (0.2 * spacing, 4.0),
        "fwhm_lorentz": (0.0, 4.0), "step_width": (0.2 * spacing, 4.0),
    }  # fmt: skip
    base = [re.sub(r"_\d$", "", name) for name in spec.names]
    pairs = np.array([limits.get(b, (-np.inf, np.inf)) for b in base])
    return pairs[:, 0].copy(), pairs[:, 1].copy()
