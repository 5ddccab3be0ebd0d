"""Arithmetic on lanes: `LANES` pixels go through every step of a fit side by side.

Arrays are flat, and the lane is their fastest axis: the innermost loop runs over pixels and is
vectorized. Samples come in chunks of `ROWS`, whose sum stays in registers before it is stored.

Offsets are unsigned and factors are constants: with signed or unknown ones the compiler must allow
for negative indices and overlapping rows and gives up vectorizing, which costs a factor of ten.
Short loops over lanes are the exception: they take the number of lanes as an argument, because a
loop of constant length is unrolled before the vectorizer sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core.compiler import Compiler

from socwidgets.kernels import doors
from socwidgets.kernels.compiling import aside

LANES = 32
ROWS = 8

#: The same as unsigned constants; `COLUMN` is one column of a Jacobian chunk.
L, U = np.uintp(LANES), np.uintp(ROWS)
COLUMN = np.uintp(LANES * ROWS)
ZERO, ONE, TWO, THREE, FOUR = (np.uintp(n) for n in range(5))


class NoOverlap(Compiler):
    """Compiler that is told that array arguments do not overlap.

    Otherwise it tests for that in front of every loop, which costs as much as a short loop itself.
    """

    def define_pipelines(self):
        """Set the flag that numba has, but does not offer as an option on the CPU."""
        self.state.flags.noalias = True
        return super().define_pipelines()


_OPTIONS: dict[str, Any] = {
    "error_model": "numpy",
    "fastmath": {"contract", "nsz", "reassoc", "arcp"},
    "pipeline_class": NoOverlap,
}
door, inner = doors.doors(**_OPTIONS)
#: For functions that make no arrays: they need not count references to those that they are given,
#: which would cost as much as a short loop.
leaf = doors.inner(**_OPTIONS, _nrt=False)
#: For functions whose source is written at run time. They may call elementary functions, which
#: reassociation would spoil.
generated = doors.inner(**{**_OPTIONS, "fastmath": {"contract", "nsz", "arcp"}}, _nrt=False)


def jit_disabled() -> bool:
    """Whether numba is switched off (NUMBA_DISABLE_JIT), for tests and debuggers."""
    return bool(vars(numba.config)["DISABLE_JIT"])


def function_pointer(function: Callable, kind: type, *, cache: bool) -> Any:
    """Compile ``function(numbers, axis, e, q, work, jac, model)`` for one float type.

    The result is a C function: compiled code that calls it is the same for all models, and so is
    compiled only once.
    """
    return _c_function(function, kind, 4, cache)


def equations_pointer(function: Callable, kind: type, *, cache: bool) -> Any:
    """Compile ``equations(numbers, axis, points, y, root, q, work, jac, sums)`` likewise."""
    return _c_function(function, kind, 6, cache)


def step_pointer(function: Callable, kind: type, *, cache: bool) -> Any:
    """Compile ``step(numbers, bounds, lanes, sums, state, scratch)`` likewise.

    Nothing but the compiler's own arithmetic is in it: it is compiled in one piece, and knows that
    its arrays do not overlap.
    """
    more = {"pipeline_class": NoOverlap, "fastmath": {"contract", "nsz", "arcp"}}
    return _c_function(function, kind, 3, cache, **more)


def _c_function(function: Callable, kind: type, arrays: int, cache: bool, **more: Any) -> Any:
    """A C function of uintp numbers, an axis, a uintp, and some more arrays."""
    rows = types.Array(types.float32 if kind is np.float32 else types.float64, 1, "C")
    numbers = types.Array(types.uintp, 1, "C")
    signature = types.void(numbers, rows, types.uintp, *[rows] * arrays)
    compile_for_c: Any = numba.cfunc
    options = {"nopython": True, "error_model": "numpy", "_nrt": False, **more}
    if cache:
        return aside(doors.kept, compile_for_c, function, signature, **options)
    return aside(compile_for_c(signature, **options), function)


def tile_positions(count: int) -> np.ndarray:
    """Row of the sums of `accumulate` that holds the product of two columns.

    Parameters
    ----------
    count : int
        Number of columns, even.

    Returns
    -------
    ndarray
        ``(count, count)`` uintp, symmetric.
    """
    where = np.zeros((count, count), np.uintp)
    tile = 0
    for i in range(0, count, 2):
        for j in range(i, count, 2):
            for a in range(2):
                for b in range(2):
                    if i + a <= j + b:
                        where[i + a, j + b] = where[j + b, i + a] = 4 * tile + 2 * a + b
            tile += 1
    return where


def tile_rows(count: int) -> int:
    """Rows of the sums for an even number of columns."""
    return 4 * ((count // 2) * (count // 2 + 1) // 2)


@leaf
def accumulate(jac, columns, sums):
    """Add ``sum over a chunk of jac[i] * jac[j]`` for all pairs of columns, two by two.

    Parameters
    ----------
    jac : ndarray
        Columns of ``ROWS * LANES``.
    columns : ndarray
        uintp, an even number of columns of `jac`; the last may repeat one.
    sums : ndarray
        ``tile_rows * LANES``, in the order of `tile_positions`.
    """
    t = ZERO
    count = np.uintp(columns.size)
    for i in range(ZERO, count, TWO):
        a, b = columns[i] * COLUMN, columns[i + ONE] * COLUMN
        for j in range(i, count, TWO):
            c, d = columns[j] * COLUMN, columns[j + ONE] * COLUMN
            for p in range(L):
                s00, s01 = sums[t + p], sums[t + L + p]
                s10, s11 = sums[t + TWO * L + p], sums[t + THREE * L + p]
                for u in range(U):
                    at = u * L + p
                    left, right, up, down = jac[a + at], jac[b + at], jac[c + at], jac[d + at]
                    s00 += left * up
                    s01 += left * down
                    s10 += right * up
                    s11 += right * down
                sums[t + p] = s00
                sums[t + L + p] = s01
                sums[t + TWO * L + p] = s10
                sums[t + THREE * L + p] = s11
            t += FOUR * L


@leaf
def factorize(lanes, count, matrix, pivots, least):
    """``L D L^T`` of every lane in place: unit lower triangle below, inverse pivots aside.

    Parameters
    ----------
    lanes, count : uintp
        `LANES` as a number that the compiler does not know, and the unknowns P.
    matrix : ndarray
        ``P * P * LANES``, lower triangles; overwritten below the diagonal.
    pivots : ndarray
        ``P * LANES``, set to the inverse of D.
    least : ndarray
        ``P * LANES``: a pivot below it is replaced by it, which makes small steps in a direction
        of which the data say nothing.
    """
    one = matrix.dtype.type(1.0)
    for k in range(count):
        kk = (k * count + k) * L
        for p in range(lanes):
            pivots[k * L + p] = one / max(matrix[kk + p], least[k * L + p])
        for i in range(k + ONE, count):
            ik = (i * count + k) * L
            for j in range(k + ONE, i):
                ij, jk = (i * count + j) * L, (j * count + k) * L
                for p in range(lanes):
                    matrix[ij + p] -= matrix[ik + p] * matrix[jk + p]
            # Column k of row i is scaled only now: the rows above needed it with its pivot.
            ii = (i * count + i) * L
            for p in range(lanes):
                scaled = matrix[ik + p] * pivots[k * L + p]
                matrix[ii + p] -= matrix[ik + p] * scaled
                matrix[ik + p] = scaled


@leaf
def solve(lanes, count, matrix, pivots, vector):
    """Solve with the factors of `factorize`; ``vector`` ``(P * LANES)`` becomes the solution."""
    for i in range(ONE, count):
        for k in range(i):
            ik = (i * count + k) * L
            for p in range(lanes):
                vector[i * L + p] -= matrix[ik + p] * vector[k * L + p]
    for i in range(count * lanes):
        vector[i] *= pivots[i]
    for k in range(count - ONE, ZERO, -1):
        for i in range(k):
            ki = (k * count + i) * L
            for p in range(lanes):
                vector[i * L + p] -= matrix[ki + p] * vector[k * L + p]


@leaf
def unit_column(lanes, count, matrix, pivots, k, column):
    """Column k of the inverse, from its diagonal element down, from the factors of `factorize`."""
    zero, one = column.dtype.type(0.0), column.dtype.type(1.0)
    for i in range(k, count):
        for p in range(lanes):
            column[i * L + p] = one if i == k else zero
        for j in range(k, i):
            ij = (i * count + j) * L
            for p in range(lanes):
                column[i * L + p] -= matrix[ij + p] * column[j * L + p]
    for i in range(k * lanes, count * lanes):
        column[i] *= pivots[i]
    for j in range(count - ONE, k, -1):
        for i in range(k, j):
            ji = (j * count + i) * L
            for p in range(lanes):
                column[i * L + p] -= matrix[ji + p] * column[j * L + p]
