"""Curated texts as safe HTML, and as a tree for pages that build their own elements."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Iterable, Iterator, List, Optional, Pattern, Tuple, Union

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from markupsafe import Markup

_LIGHT = MarkdownIt("zero").enable(["emphasis", "list", "link", "newline"])
Node = Union[str, List[Any]]


def html(text: str, numbers: Iterable[str] = ()) -> Markup:
    """Light Markdown (bold, lists, links) as HTML, every other character escaped; `numbers` become tel: links."""
    return _rendered(text, tuple(numbers))


@lru_cache(maxsize=2000)
def _rendered(text: str, numbers: Tuple[str, ...]) -> Markup:
    return Markup(_with_links(_LIGHT.render(text), numbers))


def nodes(text: str, numbers: Iterable[str] = ()) -> List[Node]:
    """The same as a tree: strings, and lists of a tag, the address of a link (else ""), and what is in it."""
    return list(_nodes(SyntaxTreeNode(_LIGHT.parse(text)), _finder(numbers)))


def _nodes(tree: SyntaxTreeNode, numbers: Optional[Pattern[str]]) -> Iterator[Node]:
    for child in tree.children:
        if child.type == "text":
            yield from _linked(child.content, numbers if tree.type != "link" else None)
        elif child.type == "softbreak":
            yield "\n"
        elif child.type == "inline" or child.hidden:
            yield from _nodes(child, numbers)
        else:
            yield [child.tag, str(child.attrs.get("href", "")), *_nodes(child, numbers)]


def _linked(text: str, numbers: Optional[Pattern[str]]) -> Iterator[Node]:
    """The text with its numbers, which stand at every second place of the split, as links."""
    for place, part in enumerate(numbers.split(text) if numbers else [text]):
        if place % 2:
            yield ["a", _tel(part), part]
        elif part:
            yield part


def _with_links(rendered: str, numbers: Iterable[str]) -> str:
    found = _finder(numbers)
    return found.sub(lambda match: f'<a href="{_tel(match[1])}">{match[1]}</a>', rendered) if found else rendered


def _finder(numbers: Iterable[str]) -> Optional[Pattern[str]]:
    ordered = sorted(set(numbers), key=len, reverse=True)
    either = "|".join(re.escape(number) for number in ordered)
    return re.compile(rf'(?<![\d/"])({either})(?![\d"])') if ordered else None


def _tel(number: str) -> str:
    return f"tel:{number.replace(' ', '')}"
