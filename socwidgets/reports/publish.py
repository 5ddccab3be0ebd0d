"""Put figures and tables into a notebook so that the notebook and the page both show them.

A matplotlib figure made without pyplot has no picture in a kernel, so PNGs are written here, with
the text alternative beside them. Every output carries the section of the page that it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from socwidgets.plotting.style import PNG_DPI, alt_text, png_bytes
from socwidgets.reports.figures import Shown, remember
from socwidgets.reports.interactive import frame_html

#: Key of our entry in an output's metadata.
KEY = "socwidgets"
#: Pixels of a page per inch.
CSS_DPI = 96


def show_figures(
    figures: Figure | Sequence[Figure], section: str, captions: Sequence[str] | str = ()
) -> None:
    """Show figures side by side, each with its text alternative and a caption."""
    many = [figures] if isinstance(figures, Figure) else list(figures)
    texts = [captions] if isinstance(captions, str) else list(captions)
    for index, figure in enumerate(many):
        width, height = (round(size * CSS_DPI) for size in figure.get_size_inches())
        caption = texts[index] if index < len(texts) else ""
        remember(Shown(section, figure=figure, caption=caption))
        _display(
            {"image/png": png_bytes(figure, PNG_DPI), "text/plain": alt_text(figure)},
            section,
            "figure",
            {"image/png": {"width": width, "height": height}},
            caption=caption,
            alt=alt_text(figure),
            width=width,
            height=height,
        )


def show_html(fragment: str, section: str, plain: str) -> None:
    """Show a trusted HTML fragment, made by this package, with a plain-text form."""
    _display({"text/html": fragment, "text/plain": plain}, section, "html")


def show_subtitle(text: str, section: str) -> None:
    """Show a heading inside a section; figures that follow begin a new row."""
    show_html(f"<h3>{escape(text)}</h3>", section, text)


def show_frame(data: dict[str, Any], section: str, title: str) -> None:
    """Show an interactive map (see `interactive.payload`); where no script runs, its picture says.

    The static figures of the same maps stand beside it, for print and for places without scripts.
    """
    show_html(frame_html(data, title), section, f"{title} (interactive, in the HTML page)")


def show_table(
    table: pd.DataFrame, section: str, caption: str = "", *, folded: bool = False
) -> None:
    """Show a table of text cells; the index is the row header. A folded one opens on a click."""
    remember(Shown(section, table=table, caption=caption))
    if folded:
        body = table_html(table)
        html = f"<details><summary>{escape(caption)}</summary>{body}</details>"
    else:
        html = table_html(table, caption)
    show_html(html, section, table.to_string())


def show_list(items: Sequence[str], section: str) -> None:
    """Show sentences as a list."""
    rows = "".join(f"<li>{escape(text)}</li>" for text in items)
    show_html(f"<ul>{rows}</ul>", section, "\n".join(f"* {text}" for text in items))


def table_html(table: pd.DataFrame, caption: str = "") -> str:
    """HTML of a table with scopes on its headers, so that a screen reader can follow."""
    names = [escape(str(name)) for name in table.columns]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    corner = escape(str(table.index.name or ""))
    rows = "".join(
        f'<tr><th scope="row">{escape(str(index))}</th>'
        # On a narrow page the cells stand below each other, each with the name of its column.
        + "".join(
            f'<td data-name="{name}">{escape(str(cell))}</td>'
            for name, cell in zip(names, row, strict=True)
        )
        + "</tr>"
        for index, row in zip(table.index, table.itertuples(index=False), strict=True)
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll" tabindex="0"><table>{title}<thead><tr><th scope="col">{corner}</th>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _display(
    data: dict[str, Any],
    section: str,
    role: str,
    metadata: dict[str, Any] | None = None,
    **extra: Any,
) -> None:
    from IPython.display import display

    ours = {KEY: {"section": section, "role": role, **extra}}
    display(data, metadata={**(metadata or {}), **ours}, raw=True)
