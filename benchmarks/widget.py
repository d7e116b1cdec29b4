"""How fast the widget is in Chromium, over loopback: from its script to being usable, and from a first message to its answer.

    .venv/bin/python -m benchmarks.widget URL [--visits 20]

URL is a running server. Each visit is a new browser profile. Beside each median stands its ratio to a request that the same
page makes for /healthz: machines differ, the ratio less.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from typing import Any, List, NamedTuple

from playwright.sync_api import sync_playwright

QUESTION = "hvor mange gange skal jeg komme på det der kursus"
_READY = 'addEventListener("smertebot-ready", () => { window.ready = performance.now(); });'
_USABLE = """() => [ready - performance.getEntriesByName(new URL("/widget.js", location).href)[0].responseEnd, ready]"""
_ANSWER = """(question) => new Promise((done) => {
  const begun = performance.now();
  addEventListener("smertebot-answer", () => requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun))));
  smertebot.open();
  smertebot.ask(question);
})"""
_REQUEST = """async () => { const begun = performance.now(); await (await fetch("/healthz")).text(); return performance.now() - begun; }"""


class Visit(NamedTuple):
    """Milliseconds: the request, script to usable, navigation to usable, message to answer."""

    request: float
    usable: float
    opened: float
    answer: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--visits", type=int, default=20)
    chosen = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        visits = [_visit(browser, chosen.url) for _ in range(chosen.visits + 1)][1:]
        browser.close()
    _print("a request", [visit.request for visit in visits], visits)
    _print("script loaded to usable", [visit.usable for visit in visits], visits)
    _print("page asked for to usable", [visit.opened for visit in visits], visits)
    _print("message to answer", [visit.answer for visit in visits], visits)


def _visit(browser: Any, url: str) -> Visit:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.add_init_script(_READY)
    page.goto(url)
    usable, opened = page.evaluate(_USABLE)
    # Nobody has written a message in the moment in which the page is painted.
    page.wait_for_load_state("networkidle")
    request = page.evaluate(_REQUEST)
    answer = page.evaluate(_ANSWER, QUESTION)
    context.close()
    return Visit(request, usable, opened, answer)


def _print(name: str, taken: List[float], visits: List[Visit]) -> None:
    ratio = statistics.median(taken) / statistics.median([visit.request for visit in visits])
    ordered = sorted(taken)
    print(f"{name:26} median {statistics.median(taken):7.1f} ms   95th percentile {ordered[int(len(ordered) * 0.95)]:7.1f} ms   {ratio:6.1f} requests")


if __name__ == "__main__":
    main()
