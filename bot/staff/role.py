"""The roles of staff."""

from __future__ import annotations

from enum import Enum


class Role(str, Enum):
    """What a member of staff may do: each role may do what those before it may."""

    REVIEWER = "reviewer"
    APPROVER = "approver"
    ADMIN = "admin"
