"""What a person reads in a piece of HTML."""

from __future__ import annotations

import re


def text_of(html: str) -> str:
    """Its words, with single spaces between them."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
