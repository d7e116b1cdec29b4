"""The words that personal data is recognised by (content/privacy.yml), and regular expressions made of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Dict, Iterable, Mapping, Tuple

from bot.content import load as load_content
from bot.document import Document, Record
from bot.normaliser import fold
from bot.paths import CONTENT
from bot.privacy.span import Kind

_FOREIGN = str.maketrans({"ä": "æ", "ö": "ø", "é": "e", "É": "E", "è": "e", "ü": "y"})


class PrivacyWords(Record):
    """content/privacy.yml."""

    placeholders: Dict[Kind, str]
    last_four: Tuple[str, ...]
    months: Tuple[str, ...]
    birth: Tuple[str, ...]
    digits: Mapping[str, int]
    teens: Mapping[str, int]
    tens: Mapping[str, int]
    ordinals: Tuple[str, ...]
    in_dates: Tuple[str, ...]
    birth_after: Tuple[str, ...]
    spoken_joins: Tuple[str, ...]
    units: Tuple[str, ...]
    phone: Tuple[str, ...]
    numbered: Tuple[str, ...]
    impersonal_numbers: Tuple[str, ...]
    any_number: Tuple[str, ...]
    streets: Tuple[str, ...]
    sure_streets: Tuple[str, ...]
    street_beginnings: Tuple[str, ...]
    lives: Tuple[str, ...]
    before_streets: Tuple[str, ...]
    not_streets: Tuple[str, ...]
    rooms: Tuple[str, ...]
    sides: Tuple[str, ...]
    post_boxes: Tuple[str, ...]
    homes: Tuple[str, ...]
    floors: Tuple[str, ...]
    towns: Tuple[str, ...]
    places: Tuple[str, ...]
    at_in_brackets: Tuple[str, ...]
    at_spoken: Tuple[str, ...]
    at_sure: Tuple[str, ...]
    dots: Tuple[str, ...]
    endings: Tuple[str, ...]
    public_sites: Tuple[str, ...]
    social: Tuple[str, ...]
    before_names: Tuple[str, ...]
    relations: Tuple[str, ...]
    staff: Tuple[str, ...]
    person_verbs: Tuple[str, ...]
    name_joins: Tuple[str, ...]
    years: Tuple[str, ...]
    before_months: Tuple[str, ...]
    never_names: Tuple[str, ...]

    @property
    def numbers(self) -> Dict[str, int]:
        """0 to 99 as Danes say them, the unit before the ten."""
        joined = {
            f"{unit}og{ten}": tens + units
            for unit, units in self.digits.items()
            for ten, tens in self.tens.items()
            if units
        }
        return {**self.digits, **self.teens, **self.tens, **joined}


@lru_cache(maxsize=1)
def load_words() -> PrivacyWords:
    """The words. Raises ContentError."""
    return Document(CONTENT / "privacy.yml", CONTENT).parse(PrivacyWords)


def any_of(words: Iterable[str]) -> str:
    """A pattern for any of the words, each also with ae/oe/aa; `*` at a word's end stands for more letters."""
    return "(?:" + "|".join(sorted(_spellings(words), key=len, reverse=True)) + ")"


def _spellings(words: Iterable[str]) -> Iterable[str]:
    forms = {form for word in words for form in (word, fold(word))}
    return (re.escape(form).replace(r"\*", r"\w*").replace(r"\ ", r"\s+") for form in forms)


def danish_letters(text: str) -> str:
    """The text with foreign letters as the nearest Danish ones, each character in its place."""
    return text.translate(_FOREIGN)


def same_length(text: str) -> str:
    """The text in lower case and Danish letters, each character in its place."""
    return danish_letters("".join(char.lower() if len(char.lower()) == 1 else char for char in text))


@lru_cache(maxsize=1)
def kept_numbers() -> Tuple[str, ...]:
    """The digits of the telephone numbers that the assistant itself names."""
    contacts = load_content().contacts.values()
    return tuple(re.sub(r"\D", "", contact.tel) for contact in contacts if contact.tel)


@lru_cache(maxsize=1)
def kept_streets() -> Tuple[str, ...]:
    """Street and number, plain, of the addresses that the assistant itself names."""
    contacts = load_content().contacts.values()
    parts = (part.strip() for contact in contacts if contact.address for part in contact.address.split(","))
    return tuple(fold(same_length(part)) for part in parts if re.search(r"[^\W\d]\s+\d{1,3}$", part))
