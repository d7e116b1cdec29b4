"""What browsers say of themselves: enough to tell some of them apart, and for people to know their own."""

from __future__ import annotations

import hashlib

from fastapi import Request

# The first that occurs counts: Edge calls itself Chrome, too, and Chrome Safari.
_PROGRAMS = {"Edg": "Edge", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
_SYSTEMS = {"Windows": "Windows", "Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Mac OS": "Mac", "Linux": "Linux"}


def mark_of(request: Request) -> str:
    """A hash that is the same for all requests of a browser, and for many an attacker's another one."""
    return hashlib.sha256(_agent(request).encode()).hexdigest()


def name_of(request: Request) -> str:
    """Program and system, as "Firefox, Windows"; empty when neither is known."""
    agent = _agent(request)
    found = (next((name for sign, name in known.items() if sign in agent), "") for known in (_PROGRAMS, _SYSTEMS))
    return ", ".join(filter(None, found))


def _agent(request: Request) -> str:
    return request.headers.get("user-agent", "")
