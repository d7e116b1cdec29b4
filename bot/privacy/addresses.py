"""Postal addresses: a street and a number, with floor, postal code and town; or a home's name and a room."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Iterator, List, Optional

from bot.normaliser import fold
from bot.privacy.span import Kind, Span
from bot.privacy.words import PrivacyWords, any_of, danish_letters, kept_streets, load_words, same_length

# All repetitions are bounded: an unbounded one within another takes for ever on a text made to break it.
_BLANK = r"[^\S\n]"
_BLANKS = rf"{_BLANK}{{1,4}}"
_MAYBE = rf"{_BLANK}{{0,4}}"
_COMMA = rf"(?:{_MAYBE}[.,])?{_MAYBE}"


class Addresses:
    """Finds postal addresses; those that the assistant itself names stay."""

    def __init__(self, words: Optional[PrivacyWords] = None):
        self._words = words or load_words()

    def find(self, text: str) -> List[Span]:
        """Spans of addresses; they may meet."""
        plain = same_length(text)
        spelled = danish_letters(text)
        patterns = (self._sure, self._named, self._cued, self._by_code, self._home)
        return [span for pattern in patterns for span in self._spans(pattern, spelled, plain)]

    def _spans(self, pattern: "re.Pattern[str]", spelled: str, plain: str) -> Iterator[Span]:
        for found in pattern.finditer(spelled):
            start, end = found.span("address")
            core = fold(plain[start:end])
            if not any(kept in core for kept in kept_streets()) and not self._is_amount(plain, found):
                yield Span(start, end, Kind.ADDRESS)

    def _is_amount(self, plain: str, found: "re.Match[str]") -> bool:
        number = found.groupdict().get("number")
        return bool(number) and bool(self._unit.match(plain, found.end("number")))

    @cached_property
    def _unit(self) -> "re.Pattern[str]":
        return re.compile(rf"\s?(?!m\b|st\b|x\b|l\b|g\b){any_of(self._words.units)}(?![^\W\d_])")

    @property
    def _number(self) -> str:
        return rf"(?P<number>(?:nr\.?{_BLANK}?)?\d{{1,3}}(?:{_BLANK}?[a-zA-Z](?![\w:]))?)(?![\d:]|[.,]\d(?!\d?\.)|{_BLANK}?%)"

    @property
    def _rest(self) -> str:
        """Floor, postal code, town."""
        floor = any_of(self._words.floors)
        level = rf"(?:{_COMMA}(?:\d{{1,2}}\.?{_BLANK}?(?:{floor}(?!\w)\.?)|{_BLANK}\d{{1,2}}{_BLANK}\.{_BLANK}{floor}(?!\w)|{floor}\.?{_BLANK}?\d{{1,3}}\w?(?!\w)|{floor}\.?{_BLANK}[a-z](?!\w)|{floor}(?!\w)\.?|\d{{1,2}}\.(?:{_BLANK}\d{{1,3}}(?=,))?(?!\d)))"
        town = rf"{_BLANKS}(?:{any_of(self._words.towns)}(?:{_BLANK}[snvøck])?(?!\w)|(?-i:[A-ZÆØÅÖÄ])\w{{1,40}})"
        between = rf"(?:,{_MAYBE}(?-i:[A-ZÆØÅ])\w+(?=,{_MAYBE}\d{{4}}))?"
        code = rf"{_COMMA}(?:i{_BLANKS})?(?:dk-)?(?:\d{{4,5}}|\d{{3}}{_BLANK}\d{{2}})(?!\d)(?:{town})?"
        return rf"(?:{level}){{0,4}}{between}(?:{code}|,?{_MAYBE}(?:i{_BLANKS})?{any_of(self._words.towns)}(?!\w))?"

    @property
    def _beginning(self) -> str:
        return rf"(?:(?:{any_of(self._words.street_beginnings)}\.?|[a-z]\.){_MAYBE}){{0,4}}"

    @cached_property
    def _sure(self) -> "re.Pattern[str]":
        """A compound that ends in a word for a street, in small letters too: bakkevej 7."""
        street = rf"[^\W\d_][\w.\-]{{0,40}}?[^\W\d_]{{2}}{any_of(self._words.sure_streets)}"
        return re.compile(rf"(?P<address>(?<!\w){self._beginning}{street}{_BLANK}?{self._number}{self._rest})", re.IGNORECASE)

    @cached_property
    def _named(self) -> "re.Pattern[str]":
        """A name with capitals that is or ends in a word for a street: Prins Buris Stræde 7, Torvet 2."""
        word = rf"(?:[A-ZÆØÅ][\w.\-/]{{0,40}}{_BLANKS})"
        house = rf"(?:(?:[A-ZÆØÅ]\w{{1,40}},?{_BLANKS})?[A-ZÆØÅ][\w\-]{{1,40}},{_MAYBE}(?:(?i:{any_of(self._words.rooms)}){_BLANK}\d+,{_MAYBE})?)?"
        end = rf"(?i:{any_of(self._words.streets)})"
        street = rf"(?:[A-ZÆØÅ][\w.\-]{{0,40}}?{end}|{word}[A-ZÆØÅa-zæøå][\w.\-]{{0,40}}?{end}|{word}{end}|(?<=\w{_BLANK})[A-ZÆØÅ](?i:{_without_first(self._words.streets)})(?!\w))"
        return re.compile(rf"(?P<address>(?<!\w){house}{word}{{0,3}}{street}{_BLANK}?{self._number}(?i:{self._rest}))")

    @cached_property
    def _cued(self) -> "re.Pattern[str]":
        """After words that say where one lives: any name with a number, or a street without one."""
        cue = rf"(?<!\w){any_of([*self._words.lives, *self._words.homes])}[:.]?{_BLANKS}(?:{any_of(self._words.before_streets)}{_BLANKS}){{0,3}}"
        name = rf"(?!{any_of(self._words.not_streets)}(?!\w))[^\W\d_][\w.\-]{{0,40}}"
        numbered = rf"(?:{name}{_BLANKS}){{0,3}}?{name},?{_BLANKS}(?:{any_of(self._words.floors)}{_BLANKS})?{self._number}{self._rest}"
        spoken = rf"{name}{_BLANKS}{any_of(self._words.numbers)}(?!\w)[^\n.]{{0,30}}"
        bare = rf"(?:{name}{_BLANKS})?[^\W\d_]{{1,40}}?{any_of(self._words.sure_streets)}(?!\w)"
        return re.compile(rf"{cue}(?P<address>{numbered}|{bare}(?:{_BLANKS}{spoken})?)", re.IGNORECASE)

    @cached_property
    def _by_code(self) -> "re.Pattern[str]":
        """Any name and number before a postal code, a town or a floor; a street whose number is a word; a post box."""
        name = rf"(?!{any_of(self._words.places)}(?!\w))[^\W\d_][\w.\-]{{1,40}}"
        before = rf"(?:(?:{any_of(self._words.street_beginnings)}\.?{_BLANKS}(?:[\w.\-]{{1,40}}{_BLANKS})?)|(?-i:[A-ZÆØÅ])[\w.\-]{{1,40}}{_BLANKS}){{0,2}}"
        town = any_of(self._words.towns)
        code = rf"{_COMMA}(?:i{_BLANKS})?(?:dk-)?(?!18\d\d)\d{{4,5}}{_BLANKS}(?:{town}|(?-i:[A-ZÆØÅ])\w+)"
        spoken = rf"[^\W\d_]{{2,40}}?{any_of(self._words.sure_streets)}{_BLANKS}{any_of(self._words.numbers)}(?!\w)(?:,[^\n.,]{{0,25}})?"
        floor = rf"{_COMMA}(?:\d{{1,2}}\.?{_BLANK}?)?{any_of(self._words.floors)}(?!\w)\.?"
        side = any_of(self._words.sides)
        high = rf"(?-i:(?<=\W)[A-ZÆØÅ])\w{{1,40}}{_BLANKS}\d{{1,3}},{_MAYBE}\d{{1,2}}\.{_BLANK}?{side}(?!\w)(?:{_BLANK}{side}(?!\w))?"
        return re.compile(
            rf"(?P<address>(?<!\w){before}{name}{_BLANKS}\d{{1,3}}(?!\d)[a-z]?(?:{floor}){{0,4}}(?:{code}|,?{_BLANKS}(?:i{_BLANKS})?{town})(?!\w)"
            rf"|(?<!\w)(?!{any_of(self._words.places)}(?!\w)){high}|(?<!\w){spoken}|(?<!\w){any_of(self._words.post_boxes)}{_BLANKS}\d+(?:{code})?)",
            re.IGNORECASE,
        )

    @cached_property
    def _home(self) -> "re.Pattern[str]":
        """A home's or camp site's name and a room in it."""
        room = rf"{any_of(self._words.rooms)}{_BLANKS}\d{{1,3}}"
        name = rf"(?:{any_of(self._words.homes)}{_BLANKS}|h/f{_BLANKS})?[^\W\d_][\w\-]{{1,40}}"
        return re.compile(rf"(?P<address>(?<!\w){name},{_MAYBE}{room}(?!\w))", re.IGNORECASE)


def _without_first(words: "tuple[str, ...]") -> str:
    """The words without their first letter, for patterns that ask for it as a capital."""
    return any_of(word[1:] for word in words if len(word) > 3)

