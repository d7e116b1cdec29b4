"""Curated texts as safe HTML."""

from __future__ import annotations

import re
from typing import Iterable

from markdown_it import MarkdownIt
from markupsafe import Markup

_LIGHT = MarkdownIt("zero").enable(["emphasis", "list", "link", "newline"])


def html(text: str, numbers: Iterable[str] = ()) -> Markup:
    """Light Markdown (bold, lists, links) as HTML, every other character escaped; `numbers` become tel: links."""
    return Markup(_with_links(_LIGHT.render(text), numbers))


def _with_links(rendered: str, numbers: Iterable[str]) -> str:
    ordered = sorted(set(numbers), key=len, reverse=True)
    if not ordered:
        return rendered
    found = re.compile(r"(?<![\d/\"])(" + "|".join(re.escape(number) for number in ordered) + r")(?![\d\"])")
    return found.sub(lambda match: f'<a href="tel:{match[1].replace(" ", "")}">{match[1]}</a>', rendered)
