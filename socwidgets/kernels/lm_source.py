"""Source of the compiled normal equations of one model.

The general way (`lm_normal`) writes all derivatives of a chunk of samples to memory and reads them
again for every pair of parameters. Code that knows the model keeps them in registers, which takes
less than half of the time. A model of many parameters has more sums than there are registers: its
derivatives do go through memory (the level-1 cache), and the sums are made in groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

#: Samples whose sum stays in registers before it is stored; in a pass that is made once it is not
#: worth the time to compile them.
UNROLL, ONCE = 4, 1
#: Sums that a loop keeps at a time.
GROUP = 21

_SIGNATURE = "def equations(numbers, axis, points, y, root, q, work, jac, sums):"


@dataclass(frozen=True, slots=True)
class Stage:
    """A loop over lanes that computes some columns of the Jacobian.

    Attributes
    ----------
    head : tuple of str
        Lines before the samples: parameters of the pixel.
    sample : callable
        ``position of the sample (text) -> lines`` that set ``j<column>``, and ``now`` (the value of
        the model) in the first stage.
    columns : tuple of int
        What it sets.
    """

    head: tuple[str, ...]
    sample: Callable[[str], list[str]]
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the normal equations of a model consist of.

    Attributes
    ----------
    count : int
        Parameters M.
    setup : tuple of str
        Lines that fill ``work`` before the first sample.
    stages : tuple of Stage
        All columns but those of `plain`.
    plain : dict
        Column and its text in terms of ``axis`` and the sample ``AT``: derivatives that all pixels
        share, which need no memory.
    """

    count: int
    setup: tuple[str, ...]
    stages: tuple[Stage, ...]
    plain: dict[int, str] = field(default_factory=dict)


def triangle_row(i: int, j: int, columns: int) -> int:
    """Row of the sums that holds the product of columns i <= j."""
    return i * columns - i * (i - 1) // 2 + j - i


def triangle_rows(columns: int) -> int:
    """Number of sums."""
    return columns * (columns + 1) // 2


def triangle_positions(free: np.ndarray, columns: int) -> np.ndarray:
    """``(n, n)`` uintp, symmetric: row of the sums for each pair of some of the columns."""
    low, high = np.minimum.outer(free, free).astype(int), np.maximum.outer(free, free).astype(int)
    return (low * columns - low * (low - 1) // 2 + high - low).astype(np.uintp)


def write_equations(recipe: Recipe, *, weighted: bool, unroll: int = UNROLL) -> str:
    """Source of ``equations(numbers, axis, points, y, root, q, work, jac, sums)``.

    Parameters
    ----------
    recipe : Recipe
        The model.
    weighted : bool
        Whether samples are multiplied by ``root``, the square roots of their weights.
    unroll : int
        `UNROLL` or `ONCE`.

    Returns
    -------
    str
        A function that sets ``sums`` ``(triangle_rows(M + 1) * LANES)``: the sums over samples of
        the products of the M derivatives and the residual, in the order of `triangle_row`.
    """
    columns = recipe.count + 1
    lines = [
        _SIGNATURE,
        "    real = sums.dtype.type",
        "    one = real(1.0)",
        f"    for k in range(np.uintp({triangle_rows(columns)}) * L):",
        "        sums[k] = real(0.0)",
        *(f"    {line}" for line in recipe.setup),
        f"    whole = points // np.uintp({unroll}) * np.uintp({unroll})",
    ]
    whole = triangle_rows(columns) <= GROUP
    chunk = _one_loop if whole else _several_loops
    rest = [(1, "whole", "points")] if unroll > 1 else []
    for step, start, stop in [(unroll, "ZERO", "whole"), *rest]:
        lines.append(f"    for e in range({start}, {stop}, np.uintp({step})):")
        lines += (f"        {line}" for line in chunk(recipe, step, weighted))
    return "\n".join(lines)


def _pairs(rows: range, columns: int) -> list[tuple[int, int, int]]:
    """Number and columns of the sums in some rows of the triangle."""
    return [(triangle_row(i, j, columns), i, j) for i in rows for j in range(i, columns)]


def _name(column: int, count: int) -> str:
    return "r" if column == count else f"j{column}"


def _residual(at: str, weighted: bool) -> Iterator[str]:
    """Lines that make the residual, and weigh it and all derivatives."""
    yield f"r = y[({at}) * L + p] - now"
    if weighted:
        yield f"w = root[({at}) * L + p]"
        yield "r = r * w"


def _one_loop(recipe: Recipe, step: int, weighted: bool) -> Iterator[str]:
    """Everything in one loop over lanes."""
    count = recipe.count
    pairs = _pairs(range(count + 1), count + 1)
    yield "for p in range(L):"
    yield from (f"    s{n} = sums[np.uintp({n}) * L + p]" for n, _, _ in pairs)
    for stage in recipe.stages:
        yield from (f"    {line}" for line in stage.head)
    for u in range(step):
        at = f"e + np.uintp({u})"
        for stage in recipe.stages:
            yield from (f"    {line}" for line in stage.sample(at))
        yield from (f"    j{c} = {text.replace('AT', at)}" for c, text in recipe.plain.items())
        yield from (f"    {line}" for line in _residual(at, weighted))
        if weighted:
            yield from (f"    j{c} = j{c} * w" for c in range(count))
        yield from (f"    s{n} += {_name(i, count)} * {_name(j, count)}" for n, i, j in pairs)
    yield from (f"    sums[np.uintp({n}) * L + p] = s{n}" for n, _, _ in pairs)


def _several_loops(recipe: Recipe, step: int, weighted: bool) -> Iterator[str]:
    """Columns to memory, then the sums in groups."""
    for number, stage in enumerate(recipe.stages):
        yield from _store_columns(recipe, stage, step, weighted, first=number == 0)
    for rows in _groups(recipe.count + 1):
        yield from _add_group(recipe, rows, step, weighted)


def _store_columns(
    recipe: Recipe, stage: Stage, step: int, weighted: bool, *, first: bool
) -> Iterator[str]:
    """A loop over the samples of the chunk: the model may be long, and is compiled once."""
    count, at = recipe.count, "e + u"
    yield f"for u in range(np.uintp({step})):"
    yield "    for p in range(L):"
    yield from (f"        {line}" for line in stage.head)
    yield from (f"        {line}" for line in stage.sample(at))
    if first:
        yield from (f"        {line}" for line in _residual(at, weighted))
        yield f"        {_cell(count, 'u')} = r"
        if weighted:
            yield from (
                f"        {_cell(c, 'u')} = w * {text.replace('AT', at)}"
                for c, text in recipe.plain.items()
            )
    elif weighted:
        yield f"        w = root[({at}) * L + p]"
    times = " * w" if weighted else ""
    yield from (f"        {_cell(c, 'u')} = j{c}{times}" for c in stage.columns)


def _cell(column: int, u: str) -> str:
    return f"jac[(np.uintp({column * UNROLL}) + {u}) * L + p]"


def _groups(columns: int) -> Iterator[range]:
    """Consecutive rows of the triangle of at most `GROUP` sums, or a single long one."""
    start = 0
    while start < columns:
        stop, size = start + 1, columns - start
        while stop < columns and size + columns - stop <= GROUP:
            size += columns - stop
            stop += 1
        yield range(start, stop)
        start = stop


def _add_group(recipe: Recipe, rows: range, step: int, weighted: bool) -> Iterator[str]:
    count = recipe.count
    pairs = _pairs(rows, count + 1)
    plain = {} if weighted else recipe.plain
    yield "for p in range(L):"
    yield from (f"    s{n} = sums[np.uintp({n}) * L + p]" for n, _, _ in pairs)
    for u in range(step):
        at = f"e + np.uintp({u})"
        for c in range(rows.start, count + 1):
            text = plain[c].replace("AT", at) if c in plain else _cell(c, f"np.uintp({u})")
            yield f"    {_name(c, count)} = {text}"
        yield from (f"    s{n} += {_name(i, count)} * {_name(j, count)}" for n, i, j in pairs)
    yield from (f"    sums[np.uintp({n}) * L + p] = s{n}" for n, _, _ in pairs)
