"""The widget: one script, put together from the modules of bot/web/widget, with the words of the current edition in it.

The modules are plain ones that a browser could load one by one. Put together they share one function's scope, so a name
at the top of a module may stand in no other (docs/adr/0011-widget.md).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Dict, Mapping

from bot.api import MOST_CHARACTERS
from bot.content import Contact, Content
from bot.paths import WEB
from bot.render import nodes
from bot.reply import buttons_to

FOLDER = WEB / "widget"
# Each after those that it needs.
MODULES = ("element", "memory", "server", "outbox", "voice", "turn", "sheet", "frame", "chat", "main")
_IMPORT = re.compile(r"^import .*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(async )?(class|function|const) )", re.MULTILINE)


@dataclass(frozen=True)
class Bundle:
    """The script, the same compressed (gzip), and a name for just this one."""

    script: bytes
    packed: bytes
    version: str


def bundle(content: Content) -> Bundle:
    """The script with the words of these texts."""
    return _bundle(json.dumps(words(content)))


@lru_cache(maxsize=4)
def _bundle(spoken: str) -> Bundle:
    style = json.dumps((FOLDER / "widget.css").read_text(encoding="utf-8"))
    modules = "\n".join(_inlined((FOLDER / f"{name}.js").read_text(encoding="utf-8")) for name in MODULES)
    version = hashlib.sha256(f"{spoken}{style}{modules}".encode()).hexdigest()[:12]
    head = f'"use strict";\nconst VERSION = "{version}";\nconst WORDS = {spoken};\nconst STYLE = {style};\n'
    script = f"(() => {{\n{head}{modules}}})();\n".encode()
    return Bundle(script, gzip.compress(script, mtime=0), version)


def words(content: Content) -> Dict[str, Any]:
    """What the widget says, as JSON knows it."""
    phrases, contacts = content.phrases, content.contacts
    return {
        **phrases.page.dict(),
        **phrases.widget.dict(),
        **phrases.dict(include={"read_more", "sources", "delete_yes", "delete_no", "deleted"}),
        "scopes": {scope.value: name for scope, name in phrases.scopes.items()},
        "intro_body": nodes(phrases.page.intro, content.numbers),
        "alarm": _contact(contacts["alarmcentralen"]),
        "doctor": _contact(contacts["laegevagt"]),
        "clinic": _contact(contacts["smertecenter"]),
        "most": MOST_CHARACTERS,
        "topics": topics(content),
    }


def topics(content: Content) -> Any:
    """The questions to begin with: title, and buttons with title and payload."""
    return [
        {"title": topic.title, "buttons": [{"title": b.title, "payload": b.payload} for b in buttons_to(topic.answers, content)]}
        for topic in content.topics
    ]


def _contact(contact: Contact) -> Mapping[str, str]:
    return {"label": contact.label, "tel": contact.tel or ""}


def _inlined(module: str) -> str:
    return _EXPORT.sub("", _IMPORT.sub("", module))
