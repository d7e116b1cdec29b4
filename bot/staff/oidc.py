"""Signing in with the hospital's own sign-in: OpenID Connect, authorization code flow with PKCE, by Authlib."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any, Awaitable, Dict, Iterable, Mapping, Optional, TypeVar
from urllib.parse import urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from joserfc.errors import JoseError
from starlette.concurrency import run_in_threadpool

from bot.settings import PREFIX, Settings, SettingsError, listed
from bot.staff import access, view
from bot.staff.desk import desk
from bot.staff.role import Role
from bot.staff.sign_in import form
from bot.store.accounts import NOBODY, PROVIDER, TurnedOff, Unfit

SECONDS = 5.0
_DISCOVERY = "/.well-known/openid-configuration"
_RETURN = "/staff/hospital/retur"
_NEEDED = ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_roles", "public_url")
_NAMES = ("preferred_username", "email", "sub")
_NEXT = "next"
_SIGNATURES, _SIGNED_WITH_A_KEY_PAIR = "id_token_signing_alg_values_supported", ("RS", "PS", "ES", "Ed")
# What Authlib lets through when a provider cannot be reached or answers with something else than it should.
_FAILURES = (
    httpx.HTTPError, httpx.InvalidURL, AuthlibBaseError, JoseError, asyncio.TimeoutError,
    ValueError, LookupError, TypeError, AttributeError, RuntimeError,
)
Answer = TypeVar("Answer")
router = APIRouter()


class NotVouchedFor(Exception):
    """The provider does not say who this is. Holds the type of the failure."""


@dataclass(frozen=True)
class Identity:
    """Somebody whom the provider knows: a hash that is theirs alone, names they may be called by, and the role here, if any."""

    subject: str
    names: Iterable[str]
    role: Optional[Role]


class Provider:
    """The hospital's sign-in."""

    def __init__(self, settings: Settings):
        # Takes a while to load, and warns of the httpx that we have: not where nobody asks for it.
        from authlib.integrations.starlette_client import OAuth

        self._issuer, self._claim = settings.oidc_issuer, settings.oidc_role_claim
        self._checked = {
            "iss": {"essential": True, "values": [settings.oidc_issuer]},
            "aud": {"essential": True, "values": [settings.oidc_client_id]},
        }
        self._roles = _roles(settings.oidc_roles)
        self._return = settings.public_url + _RETURN
        # Read when it is first needed: our server starts without the provider's.
        self._client = OAuth().register(
            "hospital",
            server_metadata_url=self._issuer.rstrip("/") + _DISCOVERY,
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret,
            client_kwargs={"scope": settings.oidc_scope, "code_challenge_method": "S256", "timeout": SECONDS},
        )

    async def redirect(self, request: Request) -> Response:
        """To the provider's page. Raises NotVouchedFor when it cannot be reached."""
        return await _asked(self._client.authorize_redirect(request, self._return))

    async def identity(self, request: Request) -> Identity:
        """Who comes back from there. Raises NotVouchedFor."""
        claims = await _asked(self._claims(request))
        subject = hashlib.sha256(f"{self._issuer} {claims['sub']}".encode()).hexdigest()
        return Identity(subject, [str(claims[name]) for name in _NAMES if claims.get(name)], self._role(claims))

    async def _claims(self, request: Request) -> Mapping[str, Any]:
        """What the ID token says, and where it says nothing of roles, the provider when it is asked."""
        metadata = await self._client.load_server_metadata()
        # A provider may offer tokens without a signature; ours come with one.
        metadata[_SIGNATURES] = [kind for kind in metadata.get(_SIGNATURES, ()) if kind.startswith(_SIGNED_WITH_A_KEY_PAIR)]
        token = await self._client.authorize_access_token(request, claims_options=self._checked)
        claims: Mapping[str, Any] = token["userinfo"]
        if _found(claims, self._claim) or not metadata.get("userinfo_endpoint"):
            return claims
        more = await self._client.userinfo(token=token)
        return {**more, **claims} if more.get("sub") == claims["sub"] else claims

    def _role(self, claims: Mapping[str, Any]) -> Optional[Role]:
        roles = {self._roles[value] for value in _found(claims, self._claim) if value in self._roles}
        return next((role for role in reversed(Role) if role in roles), None)


def provider(settings: Settings) -> Optional[Provider]:
    """The hospital's sign-in, if there is one. Raises SettingsError when it is half configured."""
    if not any(getattr(settings, name) for name in _NEEDED if name.startswith("oidc")):
        return None
    for name in _NEEDED:
        if not getattr(settings, name):
            raise SettingsError(f"{PREFIX}{name.upper()}: is needed for OpenID Connect")
    issuer = urlsplit(settings.oidc_issuer)
    if issuer.scheme != "https" and issuer.hostname not in ("localhost", "127.0.0.1"):
        raise SettingsError(f"{PREFIX}OIDC_ISSUER: is no address that begins with https://")
    return Provider(settings)


@router.get("/hospital")
async def start(request: Request, naeste: str = "/staff/") -> Response:
    """To the hospital's sign-in."""
    request.session[_NEXT] = view.local(naeste)
    try:
        return await _provider(request).redirect(request)
    except NotVouchedFor as failure:
        return await run_in_threadpool(_refused, request, "hospital_down", str(failure), 503)


@router.get("/hospital/retur")
async def finish(request: Request) -> Response:
    """Back from the hospital's sign-in."""
    try:
        identity = await _provider(request).identity(request)
    except NotVouchedFor as failure:
        return await run_in_threadpool(_refused, request, "hospital_failed", str(failure))
    return await run_in_threadpool(_admit, request, identity)


def _admit(request: Request, identity: Identity) -> Response:
    """Sign somebody in whom the provider knows, if they have a role here."""
    there = str(request.session.get(_NEXT, ""))
    if identity.role is None:
        return _refused(request, "hospital_no_role")
    try:
        account = desk(request).accounts.admit(identity.subject, identity.names, identity.role.value)
        access.sign_in(request, account, PROVIDER)
    except Unfit:
        return _refused(request, "hospital_name_taken")
    except TurnedOff:
        return _refused(request, "hospital_turned_off")
    return view.done(request, there)


def _refused(request: Request, why: str, failure: str = "", status: int = 403) -> Response:
    access.record(request, "sign-in failed", {"by": PROVIDER, "why": why, "failure": failure}, NOBODY)
    return form(request, str(request.session.get(_NEXT, "")), status, problem=view.words_of(f"sign_in.{why}"))


def _provider(request: Request) -> Provider:
    found: Optional[Provider] = request.app.state.provider
    if found is None:
        raise HTTPException(404)
    return found


async def _asked(answer: Awaitable[Answer]) -> Answer:
    try:
        return await asyncio.wait_for(answer, 2 * SECONDS)
    except _FAILURES as failure:
        raise NotVouchedFor(type(failure).__name__) from None


def _roles(text: str) -> Dict[str, Role]:
    """`value=role,…`. Raises SettingsError."""
    pairs = [part.rpartition("=") for part in listed(text)]
    try:
        return {value.strip(): Role(role.strip()) for value, _, role in pairs}
    except ValueError:
        raise SettingsError(f"{PREFIX}OIDC_ROLES: is not value=role,… with roles {', '.join(role.value for role in Role)}")


def _found(claims: Mapping[str, Any], path: str) -> Iterable[str]:
    """The values of a claim, which may lie in others: `realm_access.roles`."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    values = found if isinstance(found, list) else [found]
    return [value for value in values if isinstance(value, str)]
