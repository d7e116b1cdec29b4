"""How hard a Danish text is to read."""

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:[-'’.@/][^\W_]+)*")
_SENTENCE_END = re.compile(r"[.!?:](?=\s|$)|\n+")
_ABBREVIATION = re.compile(r"\b(kl|nr|ca)\.")
_LONG = 6


@lru_cache(maxsize=4096)
def words(text: str) -> int:
    """How many words the text has; a number or an address counts as one."""
    return len(_WORD.findall(_plain(text)))


@lru_cache(maxsize=4096)
def lix(text: str) -> float:
    """The readability index LIX: words a sentence plus the percentage of words over six letters.

    Source: C.-H. Björnsson, Läsbarhet (1968). Line ends and colons end a sentence, as list items do. 0.0 for no words.
    """
    plain = _plain(text)
    found = _WORD.findall(plain)
    if not found:
        return 0.0
    sentences = sum(bool(_WORD.search(part)) for part in _SENTENCE_END.split(plain))
    return len(found) / max(1, sentences) + 100 * sum(len(word) > _LONG for word in found) / len(found)


def _plain(text: str) -> str:
    return _ABBREVIATION.sub(r"\1", re.sub(r"[*_#]", "", text))
