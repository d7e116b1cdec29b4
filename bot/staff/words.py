"""The words of the staff's pages: content/staff/<area>.yml, read as `t.<area>.<key>` in templates."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Mapping

from bot.document import ContentError, Document
from bot.paths import CONTENT

FOLDER = CONTENT / "staff"


@lru_cache(maxsize=1)
def load_staff_words() -> Mapping[str, Mapping[str, Any]]:
    """All words by area. Raises ContentError when a file is no mapping, or one of its values is neither text nor mapping.

    A key such as `items` would be a mapping's own method in a template: refused, too.
    """
    areas = {}
    for path in sorted(FOLDER.glob("*.yml")):
        document = Document(path, CONTENT)
        if not _is_words(document.data):
            raise ContentError([document.problem((), "holds a value that is no text, or a key that no template can read")])
        areas[path.stem] = document.data
    return areas


def _is_words(data: Any) -> bool:
    if not isinstance(data, dict) or any(hasattr(data, str(key)) for key in data):
        return False
    return all(isinstance(value, str) or _is_words(value) for value in data.values())
