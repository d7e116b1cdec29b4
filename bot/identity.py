"""Who a conversation belongs to: the visitor's browser holds a token, we hold its keyed hash.

Whoever reads the database can neither go on with a conversation nor delete it, and a sender of the REST channel (it may
be a telephone number) is not stored. Method: HMAC-SHA-256, RFC 2104.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

_LENGTH = 40


@dataclass(frozen=True)
class Identities:
    """Makes keys of conversations with the server's secret."""

    secret: str

    def of_page(self, token: str) -> str:
        """The key of the conversation that a browser holds the token of."""
        return self._key("page", token)

    def of_rest(self, sender: str) -> str:
        """The key of a REST client's conversation. Its senders can be guessed: no page can reach it."""
        return self._key("rest", sender)

    def _key(self, kind: str, token: str) -> str:
        message = f"{kind}:{token}".encode()
        return hmac.new(self.secret.encode(), message, hashlib.sha256).hexdigest()[:_LENGTH]


def kept_secret(path: Path) -> str:
    """The secret in the file, made now when there is none. Raises OSError when it can be neither read nor made."""
    if not path.exists():
        new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        new.touch(mode=0o600)
        new.write_text(secrets.token_urlsafe(48))
        try:
            # A second worker that starts in the same moment finds the first one's.
            path.hardlink_to(new)
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return path.read_text().strip()
