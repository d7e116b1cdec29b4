"""CPR and telephone numbers, dates of birth and other numbers that name a person.

A CPR number is ddmmyy and four more (CPR-kontoret: "Personnummeret i CPR"); replacement numbers add 60 to the day and may
hold letters. The modulus-11 check is never asked for: numbers given out since 2007 need not satisfy it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Iterator, List, Optional, Sequence, Tuple

from bot.privacy.span import Kind, Span
from bot.privacy.words import PrivacyWords, any_of, kept_numbers, load_words, same_length

_GAP = r"[^\S\n]{0,6}[.\-–—_/():]{0,3}[^\S\n]{0,6}"
_RUN = re.compile(rf"\d+(?:{_GAP}\d+)*")
_GROUP = re.compile(r"\d+")
# The letter o for a zero, next to digits.
_ZERO = re.compile(r"(?<![^\W\d_])o(?=\d{5})|(?<=\d{5})o(?=\W?\d)|(?<=\d)o(?=\d{3})")
_ABROAD = re.compile(r"(?:\+|(?<!\d)00[^\S\n]?)\d(?:[^\S\n]?[().\-/]{0,2}[^\S\n]?\d){6,14}")
_WITH_LETTERS = re.compile(r"(?<!\d)(\d{4})\d{2}[^\S\n]?[-–—]?[^\S\n]?(?=\d?[a-z]|\d{2,3}[a-z])\d[0-9a-z]{3}(?![0-9a-z])")
_LICENCE_PLATE = re.compile(r"(?<![\w-])[A-ZÆØÅ]{2}[^\S\n]?\d{2}[^\S\n]?\d{3}(?!\d)")
_MIXED = re.compile(r"(?<![\w@.-])(?=[\w\-/]*[a-z])(?=(?:[\w\-/]*?\d){5})[a-zæøå0-9][a-zæøå0-9\-/]{5,}(?![\w@])", re.IGNORECASE)
_IBAN = re.compile(r"(?<!\w)[a-z]{2}\d{2}(?:[^\S\n]?\d{4}){3,7}(?:[^\S\n]?\d{1,4})?(?!\d)")
_DATE_WRITTEN = re.compile(r"\d{1,2}[./-]\d{1,2}[./-](?:\d{2}|\d{4})")
_IP = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_TIMES = re.compile(r"\d{1,2}[.:]\d{2}\s?[-–]\s?\d{1,2}[.:]\d{2}")
_PHONE_SHAPES = {
    (8,), (4, 4), (2, 2, 2, 2), (3, 3, 2), (2, 3, 3), (3, 2, 3), (2, 6), (6, 2), (1,) * 8, (3, 5), (2, 2, 4), (4, 2, 2),
    (2, 4, 2), (5, 3),
}
_LATEST_YEAR = 2035
_FEW_DIGITS, _MANY_DIGITS = 3, 5


@dataclass(frozen=True)
class _Digits:
    """A group of digits and where it stands."""

    text: str
    start: int
    end: int


class Numbers:
    """Finds numbers that name a person."""

    def __init__(self, words: Optional[PrivacyWords] = None):
        self._words = words or load_words()

    def find(self, text: str) -> List[Span]:
        """CPR numbers, telephone numbers, dates of birth and other numbers; spans may meet."""
        plain = _ZERO.sub("0", same_length(text))
        return [
            *self._births(plain),
            *self._dated(plain),
            *self._spoken(plain),
            *self._abroad(plain),
            *self._with_letters(plain),
            *self._numbered(plain),
            *self._codes(text, plain),
            *(span for run in _RUN.finditer(plain) for span in self._in_run(plain, run)),
        ]

    # Runs of digits

    def _in_run(self, text: str, run: "re.Match[str]") -> Iterator[Span]:
        groups = [_Digits(g.group(), run.start() + g.start(), run.start() + g.end()) for g in _GROUP.finditer(run.group())]
        first = 0
        while first < len(groups):
            taken, kind = self._at(text, groups[first:])
            if kind:
                yield Span(groups[first].start, groups[first + taken - 1].end, kind)
            first += taken

    def _at(self, text: str, groups: Sequence[_Digits]) -> Tuple[int, Optional[Kind]]:
        """How many groups the number at their beginning takes, and its kind; none for a number of another sort."""
        for length in (12, 10):
            taken = _groups_of(groups, length)
            if taken and _is_cpr("".join(group.text for group in groups[:taken])) and not self._counts(text, groups[:taken]):
                return taken, Kind.CPR
        kept = _kept(groups)
        if kept:
            return kept, None
        whole = "".join(group.text for group in groups)
        if whole.startswith("00") and 10 <= len(whole) <= 17:
            return len(groups), Kind.PHONE
        if _is_date(text, groups):
            return 3, None
        if _TIMES.match(text, groups[0].start):
            return (4 if len(groups) >= 4 else len(groups)), None
        return self._phone(text, groups) or self._long(text, groups) or (1, None)

    def _phone(self, text: str, groups: Sequence[_Digits]) -> Optional[Tuple[int, Kind]]:
        if groups[0].text[:2] == "45":
            with_code = _groups_of(groups, 10)
            if with_code:
                return with_code, Kind.PHONE
        taken = _groups_of(groups, 8)
        lengths = tuple(len(group.text) for group in groups[:taken])
        called = self._called.search(text[max(0, groups[0].start - 40) : groups[0].start])
        if not taken or not (called or lengths in _PHONE_SHAPES or max(lengths) <= 2 < len(lengths) - 1):
            return None
        if not called and (groups[0].text[0] in "01" or _are_years(groups[:taken]) or self._counts(text, groups[:taken])):
            return None
        return taken, Kind.PHONE

    def _long(self, text: str, groups: Sequence[_Digits]) -> Optional[Tuple[int, Kind]]:
        lengths = [len(group.text) for group in groups]
        if len(groups) > 1 and min(lengths) >= 3 and sum(lengths) >= 11 and not self._counts(text, groups):
            return len(groups), Kind.OTHER_ID
        if lengths[0] >= 7 and not self._counts(text, groups[:1]):
            return 1, Kind.OTHER_ID
        return None

    def _counts(self, text: str, groups: Sequence[_Digits]) -> bool:
        """Whether a unit follows: then this is an amount."""
        return bool(self._unit.match(text, groups[-1].end))

    # Numbers with words around them

    def _abroad(self, text: str) -> Iterator[Span]:
        for found in _ABROAD.finditer(text):
            digits = re.sub(r"\D", "", found.group())
            if not digits.endswith(kept_numbers()):
                yield Span(found.start(), found.end(), Kind.PHONE)

    def _with_letters(self, text: str) -> Iterator[Span]:
        for found in _WITH_LETTERS.finditer(text):
            if _is_day_and_month(found.group(1)) and re.search("[a-z]", found.group()):
                yield Span(found.start(), found.end(), Kind.CPR)

    def _dated(self, text: str) -> Iterator[Span]:
        """A date, some words, and the last four digits."""
        for found in self._date_and_four.finditer(text):
            yield Span(found.start(), found.end(), Kind.CPR)

    def _births(self, text: str) -> Iterator[Span]:
        for date in self._date.finditer(text):
            before = text[max(0, date.start() - 70) : date.start()]
            if self._born_before.search(before) or self._born_after.match(text, date.end()):
                yield Span(date.start(), date.end(), Kind.DATE_OF_BIRTH)

    def _spoken(self, text: str) -> Iterator[Span]:
        """Digits as words."""
        numbers = self._words.numbers
        for found in self._number_words.finditer(text):
            digits = "".join(str(numbers.get(word, word)) for word in re.findall(r"\w+", found.group()) if word in numbers or word.isdigit())
            if len(digits) == 10 and _is_cpr(digits):
                yield Span(found.start(), found.end(), Kind.CPR)
            elif len(digits) == 8 and digits not in kept_numbers():
                yield Span(found.start(), found.end(), Kind.PHONE)
        for found in self._pairs.finditer(text):
            yield Span(found.start(), found.end(), Kind.PHONE)

    def _numbered(self, text: str) -> Iterator[Span]:
        """What follows a word such as journal number."""
        for cue in self._numbered_cue.finditer(text):
            value = _VALUE.search(text, cue.end(), cue.end() + 60)
            least = _FEW_DIGITS if cue.group("sure") else _MANY_DIGITS
            if value and _is_identifying(value.group(), least) and not self._unit.match(text, value.end()):
                digits = re.sub(r"\D", "", value.group())
                if digits not in kept_numbers() and not _DATE_WRITTEN.fullmatch(value.group().strip()):
                    yield Span(value.start(), value.end(), Kind.OTHER_ID)

    def _codes(self, text: str, plain: str) -> Iterator[Span]:
        for pattern, where in ((_LICENCE_PLATE, text), (_IBAN, plain), (_MIXED, plain), (_IP, plain)):
            for found in pattern.finditer(where):
                digits = re.sub(r"\D", "", found.group())
                if not self._amount.fullmatch(found.group().lower()) and not digits.endswith(kept_numbers()):
                    yield Span(found.start(), found.end(), Kind.OTHER_ID)

    # Patterns made of the words

    @cached_property
    def _unit(self) -> "re.Pattern[str]":
        return re.compile(rf"\s?{any_of(self._words.units)}(?![^\W\d_])")

    @cached_property
    def _amount(self) -> "re.Pattern[str]":
        return re.compile(rf"[\d.,/\-x]+{any_of(self._words.units)}")

    @cached_property
    def _called(self) -> "re.Pattern[str]":
        return re.compile(rf"(?<!\w){any_of(self._words.phone)}\W[^\d\n]{{0,12}}$")

    @cached_property
    def _date(self) -> "re.Pattern[str]":
        month = any_of(self._words.months)
        return re.compile(
            rf"(?<!\d)(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}[^\S\n]?[./\-][^\S\n]?\d{{1,2}}(?:[^\S\n]?[./\- ][^\S\n]?(?:\d{{4}}|\d{{2}}))?"
            rf"|\d{{1,2}}\.?\s?{month}(?!\w)\.?(?:[^\S\n]?-?[^\S\n]?(?:\d{{4}}|\d{{2}}))?|\d{{1,2}} \d{{1,2}} \d{{2,4}}|\d{{8}}|\d{{6}})(?!\d|[^\S\n]?%)"
            rf"|\d{{1,2}}\.\s+{any_of(self._words.in_dates)}\s+\d{{1,2}}\.?|{self._spoken_date}"
        )

    @property
    def _spoken_date(self) -> str:
        ordinal, month = any_of(self._words.ordinals), any_of(self._words.months)
        within = any_of([*self._words.numbers, *self._words.in_dates, *self._words.ordinals, *self._words.months])
        holiday = any_of(self._words.in_dates[-3:])
        return (
            rf"(?<!\w)(?:{within}\s+)?{ordinal}\s+(?:{within}\s+)?(?:{month}|{ordinal})(?!\w)(?:\s+(?:{within}(?!\w)|\d{{2,4}}))*"
            rf"|(?<!\w)(?:{within}\s+){{0,2}}{holiday}\s+\d{{4}}"
        )

    @cached_property
    def _date_and_four(self) -> "re.Pattern[str]":
        cue = any_of(self._words.last_four)
        four = r"\d(?:[^\S\n]?\d){3}(?!\d)"
        return re.compile(
            rf"(?<!\d)(?:{self._date.pattern})[^\d\n]{{0,12}}?(?<!\w){cue}(?!\w)[^\d\n]{{0,24}}?{four}"
        )

    @cached_property
    def _born_before(self) -> "re.Pattern[str]":
        return re.compile(rf"(?<![^\W\d_]){any_of(self._words.birth)}(?![^\W\d_])\D{{0,45}}$|(?<![^\W\d_]){any_of(self._words.birth)}(?![^\W\d_])\D{{0,8}}\d{{2}}\D{{0,20}}$")

    @cached_property
    def _born_after(self) -> "re.Pattern[str]":
        return re.compile(rf"[^\d.!?]{{0,14}}(?<!\w){any_of(self._words.birth_after)}(?!\w)")

    @cached_property
    def _number_words(self) -> "re.Pattern[str]":
        number = rf"{any_of(self._words.numbers)}(?!\w)"
        between = rf"[\s,.\-]+(?:{any_of(self._words.spoken_joins)}\s+)*"
        return re.compile(rf"(?<!\w){number}(?:{between}{number}){{2,9}}(?:{between}(?:{number}|\d{{2,4}}(?!\d)))?")

    @cached_property
    def _pairs(self) -> "re.Pattern[str]":
        """Four pairs of digits with a word between them."""
        return re.compile(rf"(?<!\d)\d{{2}}(?:\s+{any_of(self._words.spoken_joins)}\s+\d{{2}}){{3}}(?!\d)")

    @cached_property
    def _numbered_cue(self) -> "re.Pattern[str]":
        sure, any_number = any_of(self._words.numbered), any_of(self._words.any_number)
        impersonal = any_of(self._words.impersonal_numbers)
        return re.compile(rf"(?<![^\W\d_])(?!{impersonal})(?:(?P<sure>{sure})|\w*{any_number})(?![^\W\d_])")


_VALUE = re.compile(r"(?<![^\W\d_])(?:[a-z]{1,4}[^\S\n]?)?[a-z]?\d[0-9a-z]*(?:[^\S\n]?[\-/.][^\S\n]?[0-9a-z]+|[^\S\n]\d+)*|[a-zæøå][a-zæøå._-]+\d{2,}(?!\w)")


def _groups_of(groups: Sequence[_Digits], digits: int) -> int:
    """How many groups from the first on hold just so many digits; 0 when none do."""
    length = 0
    for taken, group in enumerate(groups, 1):
        length += len(group.text)
        if length >= digits:
            return taken if length == digits else 0
    return 0


def _is_day_and_month(four: str) -> bool:
    day, month = int(four[:2]), int(four[2:4])
    return (1 <= day <= 31 or 61 <= day <= 91) and 1 <= month <= 12


def _is_cpr(digits: str) -> bool:
    if len(digits) == 10:
        return _is_day_and_month(digits[:4])
    year_last = _is_day_and_month(digits[:4]) and _is_year(digits[4:8])
    return year_last or _is_year(digits[:4]) and _is_day_and_month(digits[6:8] + digits[4:6])


def _is_year(four: str) -> bool:
    return 1900 <= int(four) <= _LATEST_YEAR


def _kept(groups: Sequence[_Digits]) -> int:
    """How many groups make up one of the numbers that the assistant itself names; 0 when none do."""
    for number in kept_numbers():
        for spelled in (number, f"45{number}", f"0045{number}"):
            taken = _groups_of(groups, len(spelled))
            if taken and "".join(group.text for group in groups[:taken]) == spelled:
                return taken
    return 0


def _is_date(text: str, groups: Sequence[_Digits]) -> bool:
    if len(groups) < 3:
        return False
    day, month, year = (int(group.text) for group in groups[:3])
    apart = text[groups[0].end : groups[1].start].strip()
    lengths = [len(group.text) for group in groups[:3]]
    if lengths[0] == 4 and 1900 <= day <= _LATEST_YEAR:
        return lengths[1] == lengths[2] == 2 and month <= 12 and bool(apart)
    plausible = 1 <= day <= 31 and 1 <= month <= 12 and lengths[0] <= 2 and lengths[1] <= 2
    return plausible and bool(apart) and (lengths[2] == 4 or lengths[2] == 2 and len(groups) == 3)


def _are_years(groups: Sequence[_Digits]) -> bool:
    return len(groups) == 2 and all(len(group.text) == 4 and 1930 <= int(group.text) <= _LATEST_YEAR for group in groups)


def _is_identifying(value: str, least_digits: int) -> bool:
    """Digits enough and not a year; or a code of letters and digits, a name with digits."""
    digits = len(re.sub(r"\D", "", value))
    if digits >= least_digits:
        return not re.fullmatch(r"(?:19|20)\d\d", value.strip())
    code = r"[a-zæøå._-]{3,}\d{2,}|(?=[a-z]*\d)(?=\d*[a-z])(?=.*[a-z].*[a-z])[a-z0-9]{5,}"
    return least_digits == _FEW_DIGITS and bool(re.fullmatch(code, value))
