"""A visitor in a real browser: pages that note errors and foreign requests, and a page of another site with the widget."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List

import pytest

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1100, "height": 800}
NARROW = {"width": 320, "height": 640}
QUESTION, ANSWER = "hvor mange gange skal jeg komme på det der kursus", "7 uger"
ALARM = "jeg kan ikke få vejret og har blå læber"
# Styles that would ruin the widget if they reached it.
_HOSTILE = "html{font-size:62.5%}*{letter-spacing:.4em}button,a,textarea,p{display:none!important;color:#fff!important}#own{display:block!important}"


def noting(context: Any) -> Any:
    """A new page of a context; `problems` are its console's errors, unhandled ones, and requests beyond this machine."""
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.problems = []
    page.on("console", lambda message: message.type in ("error", "warning") and page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda request: request.url.startswith(("http://127.0.0.1:", "blob:", "about:")) or page.problems.append(request.url))
    return page


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page in a fresh browser profile; the test fails when it has problems."""
    context = browser.new_context(viewport=DESKTOP, locale="da-DK", accept_downloads=True)
    opened = noting(context)
    yield opened
    context.close()
    assert opened.problems == []


def box(page: Any) -> Any:
    """Where the visitor writes."""
    return page.get_by_role("textbox", name="Skriv dit spørgsmål")


def turns(page: Any) -> Any:
    """The turns that were answered."""
    return page.locator(".turn:not(.pending)")


def say(page: Any, text: str) -> None:
    """Write a message and send it."""
    box(page).fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def ask(page: Any, text: str) -> Any:
    """Write a message and wait for its answer: the turn."""
    count = turns(page).count()
    say(page, text)
    turns(page).nth(count).wait_for()
    return turns(page).nth(count)


def token(page: Any) -> str:
    """The conversation's, as the browser keeps it."""
    return str(page.evaluate("JSON.parse(localStorage.getItem(Object.keys(localStorage).find((key) => key.endsWith(':token'))))"))


@dataclass
class Site:
    """Another site that embeds the widget: pages by path, served with a Content-Security-Policy."""

    url: str = ""
    policy: str = ""
    pages: Dict[str, str] = field(default_factory=dict)

    def embed(self, server: str, head: str = "", body: str = "", tag: str = "") -> None:
        """A page at / with a script tag for the server's widget."""
        self.policy = f"default-src 'none'; script-src {server}; connect-src {server}; style-src {self.url}; img-src data:; require-trusted-types-for 'script'"
        script = f'<script src="{server}/widget.js" {tag}></script>'
        self.pages["/"] = f'<!doctype html><html lang="da"><head><title>Side</title><link rel="icon" href="data:,">{head}</head><body>{body}{script}</body></html>'
        self.pages["/hostile.css"] = _HOSTILE


@contextmanager
def other_site() -> Iterator[Site]:
    """A site on another port, thus of another origin."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = site.pages.get(self.path)
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Type", "text/css" if self.path.endswith(".css") else "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", site.policy)
            self.end_headers()
            self.wfile.write((found or "").encode())

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{listening.server_address[1]}"
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        listening.shutdown()
        listening.server_close()


def findings(page: Any) -> List[Any]:
    """What axe finds: rule and first element."""
    from axe_playwright_python.sync_playwright import Axe

    return [(rule["id"], rule["nodes"][0]["html"][:150]) for rule in Axe().run(page).response["violations"]]


def is_sideways(page: Any) -> bool:
    """Whether the page, or the widget's panel, is wider than the window."""
    return bool(
        page.evaluate(
            """() => document.documentElement.scrollWidth > innerWidth || [...document.querySelectorAll("smerte-chat")]
            .some((chat) => [...chat.shadowRoot?.querySelectorAll(".chat") ?? []].some((part) => part.scrollWidth > part.clientWidth + 1))"""
        )
    )
