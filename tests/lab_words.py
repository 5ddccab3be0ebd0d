"""Contrast of the words of a page, as the browser computes it."""

from __future__ import annotations

import time
from typing import Any

#: Words that are seen, with the color of their letters and of the ground below them.
_COLORS = """(selector) => {
  const solid = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return m; };
  const over = (top, under) => {
    const a = top.length > 3 ? top[3] : 1;
    return [0, 1, 2].map((i) => a * top[i] + (1 - a) * under[i]);
  };
  const parse = (c) => {
    // color-mix and the like come as "color(srgb r g b / a)".
    const m = c.match(/color\\(srgb ([\\d.e-]+) ([\\d.e-]+) ([\\d.e-]+)(?: \\/ ([\\d.]+))?/);
    return m ? [255 * m[1], 255 * m[2], 255 * m[3], m[4] === undefined ? 1 : +m[4]] : solid(c);
  };
  const ground = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement)
      layers.push(parse(getComputedStyle(at).backgroundColor));
    let color = [255, 255, 255];
    for (const layer of layers.reverse()) color = over(layer, color);
    return color;
  };
  const root = document.querySelector(selector), found = [];
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const words = walk.currentNode.textContent.trim(), e = walk.currentNode.parentElement;
    if (!words || e.closest('style, script, option, .socw-sr')) continue;
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if (!box.width || !box.height || style.visibility === 'hidden') continue;
    // WCAG asks nothing of controls that are not active.
    if (e.closest('[disabled], .mod-disabled, [aria-disabled=true]')) continue;
    const ink = e instanceof SVGElement ? style.fill : style.color;
    if (ink === 'none') continue;
    let alpha = 1;
    for (let at = e; at && at !== root.parentElement; at = at.parentElement)
      alpha *= +getComputedStyle(at).opacity;
    const under = ground(e), letters = parse(ink);
    letters[3] = (letters.length > 3 ? letters[3] : 1) * alpha;
    found.push([words.slice(0, 40), over(letters, under), under, parseFloat(style.fontSize)]);
  }
  return found;
}"""


def luminance(color):
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (part / 255 for part in color)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def faint_words(page: Any, selector: str = ".socwidgets-explorer") -> tuple[int, list[Any]]:
    """How many words there are, and those below WCAG 2.1 AA: 4.5 to 1, 3 to 1 for large letters."""
    end = time.monotonic() + 20.0
    while True:
        found = page.evaluate(_COLORS, selector)
        faint = sorted(
            (round(contrast(ink, ground), 2), words)
            for words, ink, ground, size in found
            if contrast(ink, ground) < (3.0 if size >= 24 else 4.5)
        )
        # The colors of a theme or of a hover may still be on their way.
        if not faint or time.monotonic() > end:
            return len(found), faint
        page.wait_for_timeout(200)
