"""Mail addresses, and web addresses that lead to a person."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Iterator, List, Optional

from bot.content import load as load_content
from bot.privacy.span import Kind, Span
from bot.privacy.words import PrivacyWords, any_of, load_words, same_length

# Repetitions are bounded (RFC 5321: 64 characters before the @, 63 in a part of a domain), see addresses.py.
_NAME = r"(?<![\w.+\-])[\w.+\-]{0,63}\w"
_HANDLE = re.compile(r"(?<![\w.@])@[\w][\w.]{2,}\w")
_WEB = re.compile(r"(?:https?://|www\.)[^\s,;()<>]+[^\s,;()<>.?!:]", re.IGNORECASE)


class Links:
    """Finds mail and web addresses; the clinic's own and public sites stay."""

    def __init__(self, words: Optional[PrivacyWords] = None):
        self._words = words or load_words()

    def find(self, text: str) -> List[Span]:
        """Spans of mail and web addresses; they may meet."""
        plain = same_length(text)
        mails = [*self._mails(plain)]
        webs = [span for span in self._webs(plain) if not any(span.meets(mail) for mail in mails)]
        return [*mails, *webs]

    def _mails(self, text: str) -> Iterator[Span]:
        for pattern in (self._mail, self._spoken_mail):
            for found in pattern.finditer(text):
                if re.sub(r"\s", "", found.group()) not in self._own_mails:
                    yield Span(found.start(), found.end(), Kind.EMAIL)

    def _webs(self, text: str) -> Iterator[Span]:
        for pattern in (_WEB, self._bare, _HANDLE):
            for found in pattern.finditer(text):
                if not self._is_public(found.group()):
                    yield Span(found.start(), found.end(), Kind.URL)

    def _is_public(self, address: str) -> bool:
        host, _, path = re.sub(r"^(?:https?://)?(?:www\.)?", "", address).partition("/")
        social = any(name in host.split(".") for name in self._words.social)
        known = any(host == site or host.endswith(f".{site}") for site in self._public)
        return known and not (social and path.strip("/"))

    @cached_property
    def _public(self) -> "frozenset[str]":
        own = (contact.web for contact in load_content().contacts.values() if contact.web)
        hosts = (re.sub(r"^(?:https?://)?(?:www\.)?", "", web).split("/")[0] for web in own)
        return frozenset([*self._words.public_sites, *hosts])

    @cached_property
    def _own_mails(self) -> "frozenset[str]":
        return frozenset(contact.email for contact in load_content().contacts.values() if contact.email)

    @cached_property
    def _mail(self) -> "re.Pattern[str]":
        brackets, sure = any_of(self._words.at_in_brackets), any_of(self._words.at_sure)
        at = rf"\s?(?:@|[(\[{{]{brackets}[)\]}}]|{sure}(?!\w))\s?"
        return re.compile(rf"{_NAME}{at}\w[\w\-]{{0,62}}(?:(?:\s?(?:\.|{self._dot})\s?|,(?={any_of(self._words.endings)}(?!\w)))[\w\-]{{1,63}}){{0,5}}\.?(?:\s?{self._dot}\s?\w{{1,63}})?")

    @cached_property
    def _spoken_mail(self) -> "re.Pattern[str]":
        word = r"[\w.\-]{1,63}"
        part = rf"{word}(?:\s{self._dot}\s{word}){{0,3}}"
        start = rf"(?<![\w.\-]){word}(?:\s(?:{self._dot}|\w{{1,63}}\s{self._dot})\s{word}){{0,3}}"
        at = rf"\s{any_of(self._words.at_spoken)}\s"
        return re.compile(rf"{start}{at}{part}\s?(?:{self._dot}\s?|\.)(?:{any_of(self._words.endings)})(?!\w)")

    @property
    def _dot(self) -> str:
        return any_of(self._words.dots)

    @cached_property
    def _bare(self) -> "re.Pattern[str]":
        return re.compile(rf"(?<![\w@.\-])\w[\w\-]{{0,62}}(?:\.[\w\-]{{1,63}}){{0,5}}\.{any_of(self._words.endings)}(?:/[^\s,;()<>]*[^\s,;()<>.?!:])?(?![\w@.]\w)(?!\w)")
