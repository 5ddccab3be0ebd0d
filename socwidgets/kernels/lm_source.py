"""Source of the compiled normal equations of one model.

The general way (`lm_normal`) writes all derivatives of a chunk of samples to memory and reads them
again for every pair of parameters. Code that knows the model keeps them in registers, which takes
less than half of the time. A model of many parameters has more sums than there are registers: its
derivatives do go through memory (the level-1 cache), and the sums are made in groups.

What can be had without a sum over samples is not summed: a factor that all samples of a pixel share
multiplies the sums at the end, a sum that follows from others is computed from them, and one that
all pixels share is made once for all lanes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from socwidgets.kernels.lm_recipe import Pair, Recipe, Stage, triangle_row, triangle_rows

#: Samples whose sum stays in registers before it is stored; in a pass that is made once it is not
#: worth the time to compile them.
UNROLL, ONCE = 4, 1
#: Sums that a loop keeps at a time.
GROUP = 21

_SIGNATURE = "def equations(numbers, axis, points, y, root, q, work, jac, sums):"


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
    shared = _shared(recipe, weighted)
    lines = [
        _SIGNATURE,
        "    real = sums.dtype.type",
        "    one = real(1.0)",
        f"    for k in range(np.uintp({triangle_rows(columns)}) * L):",
        "        sums[k] = real(0.0)",
        *(f"    s{triangle_row(i, j, columns)} = real(0.0)" for i, j in shared),
        *(f"    {line}" for line in recipe.setup),
        f"    whole = points // np.uintp({unroll}) * np.uintp({unroll})",
    ]
    whole = len(_summed(recipe, range(columns), weighted)) <= GROUP
    chunk = _one_loop if whole else _several_loops
    rest = [(1, "whole", "points")] if unroll > 1 else []
    for step, start, stop in [(unroll, "ZERO", "whole"), *rest]:
        lines.append(f"    for e in range({start}, {stop}, np.uintp({step})):")
        lines += (f"        {line}" for line in _add_shared(recipe, step, shared))
        lines += (f"        {line}" for line in chunk(recipe, step, weighted))
    for rows in _groups(recipe, weighted=True):
        lines += (f"    {line}" for line in _end(recipe, rows, shared))
    return "\n".join(lines)


def _pairs(rows: range, columns: int) -> list[Pair]:
    """Pairs of columns in some rows of the triangle."""
    return [(i, j) for i in rows for j in range(i, columns)]


def _shared(recipe: Recipe, weighted: bool) -> list[Pair]:
    """Pairs whose sum is the same for all pixels."""
    plain = [] if weighted else sorted(recipe.plain)
    return [(i, j) for i in plain for j in plain if i <= j]


def _summed(recipe: Recipe, rows: range, weighted: bool) -> list[Pair]:
    """Pairs in some rows whose products are summed for each pixel."""
    others = {*_shared(recipe, weighted), *recipe.derived}
    return [pair for pair in _pairs(rows, recipe.count + 1) if pair not in others]


def _name(column: int, count: int) -> str:
    return "r" if column == count else f"j{column}"


def _total(pair: Pair, count: int) -> str:
    """Name of the sum of a pair."""
    return f"s{triangle_row(*pair, count + 1)}"


def _cell_of(pair: Pair, count: int) -> str:
    """Where the sum of a pair is kept."""
    return f"sums[np.uintp({triangle_row(*pair, count + 1)}) * L + p]"


def _load(pairs: Iterable[Pair], count: int) -> Iterator[str]:
    yield from (f"    {_total(pair, count)} = {_cell_of(pair, count)}" for pair in pairs)


def _add(pairs: Iterable[Pair], count: int) -> Iterator[str]:
    for i, j in pairs:
        yield f"    {_total((i, j), count)} += {_name(i, count)} * {_name(j, count)}"


def _store(pairs: Iterable[Pair], count: int) -> Iterator[str]:
    yield from (f"    {_cell_of(pair, count)} = {_total(pair, count)}" for pair in pairs)


def _add_shared(recipe: Recipe, step: int, shared: list[Pair]) -> Iterator[str]:
    """The samples of a chunk, once for all lanes."""
    for i, j in shared:
        terms = [
            f"{recipe.plain[i]} * {recipe.plain[j]}".replace("AT", f"e + np.uintp({u})")
            for u in range(step)
        ]
        yield f"{_total((i, j), recipe.count)} += {' + '.join(terms)}"


def _end(recipe: Recipe, rows: range, shared: list[Pair]) -> Iterator[str]:
    """What turns the sums of some rows into those of the derivatives."""
    count, pairs = recipe.count, _pairs(rows, recipe.count + 1)
    inside = [pair for pair in pairs if pair not in shared]
    needed = {pair for pair in inside if pair in recipe.derived or {*pair} & {*recipe.factors}}
    changed = [pair for pair in inside if pair in needed]
    given = {pair for pair in changed if pair not in recipe.derived}
    given |= {
        pair for own in changed for _, pair in recipe.derived.get(own, ())
        if pair not in recipe.derived
    }  # fmt: skip
    if not changed and not {*pairs} & {*shared}:
        return
    yield "for p in range(L):"
    yield from (f"    {line}" for line in recipe.ending)
    yield from _load(sorted(given), count)
    for pair in changed:
        if pair in recipe.derived:
            terms = [f"{text} * {_total(of, count)}" for text, of in recipe.derived[pair]]
            yield f"    {_total(pair, count)} = {' + '.join(terms)}"
    for pair in changed:
        factors = "".join(f" * ({recipe.factors[c]})" for c in pair if c in recipe.factors)
        yield f"    {_cell_of(pair, count)} = {_total(pair, count)}{factors}"
    yield from _store([pair for pair in pairs if pair in shared], count)


def _residual(at: str, weighted: bool) -> Iterator[str]:
    """Lines that make the residual, and weigh it and all derivatives."""
    yield f"r = y[({at}) * L + p] - now"
    if weighted:
        yield f"w = root[({at}) * L + p]"
        yield "r = r * w"


def _one_loop(recipe: Recipe, step: int, weighted: bool) -> Iterator[str]:
    """Everything in one loop over lanes."""
    count = recipe.count
    pairs = _summed(recipe, range(count + 1), weighted)
    yield "for p in range(L):"
    yield from _load(pairs, count)
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
        yield from _add(pairs, count)
    yield from _store(pairs, count)


def _several_loops(recipe: Recipe, step: int, weighted: bool) -> Iterator[str]:
    """Columns to memory, then the sums in groups."""
    for number, stage in enumerate(recipe.stages):
        yield from _store_columns(recipe, stage, step, weighted, first=number == 0)
    for rows in _groups(recipe, weighted):
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


def _groups(recipe: Recipe, weighted: bool) -> Iterator[range]:
    """Consecutive rows of the triangle of at most `GROUP` sums, or a single long one."""
    start, columns = 0, recipe.count + 1
    while start < columns:
        stop = start + 1
        while stop < columns and len(_summed(recipe, range(start, stop + 1), weighted)) <= GROUP:
            stop += 1
        yield range(start, stop)
        start = stop


def _add_group(recipe: Recipe, rows: range, step: int, weighted: bool) -> Iterator[str]:
    count = recipe.count
    pairs = _summed(recipe, rows, weighted)
    plain = {} if weighted else recipe.plain
    used = sorted({column for pair in pairs for column in pair})
    yield "for p in range(L):"
    yield from _load(pairs, count)
    for u in range(step):
        at = f"e + np.uintp({u})"
        for c in used:
            text = plain[c].replace("AT", at) if c in plain else _cell(c, f"np.uintp({u})")
            yield f"    {_name(c, count)} = {text}"
        yield from _add(pairs, count)
    yield from _store(pairs, count)
