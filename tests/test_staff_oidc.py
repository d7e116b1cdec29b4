"""Signing in with the hospital's sign-in: a real OpenID Connect provider (Canaille) in a process and a Python of its own,
and one that cheats."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from bot.settings import Settings, SettingsError
from bot.staff import oidc
from tests.conftest import free_port
from tests.databases import Line
from tests.staff import PASSWORD, Client, Office, office

PUBLIC = "http://127.0.0.1:1"
RETURN = f"{PUBLIC}/staff/hospital/retur"
GIVEN: Dict[str, Any] = {
    "public_url": PUBLIC,
    "oidc_client_id": "smertebot",
    "oidc_client_secret": "the client's secret",
    "oidc_scope": "openid profile email groups",
    "oidc_roles": "smertebot-gennemser=reviewer, smertebot-admin=admin",
}
_HIDDEN = re.compile(r'name="(csrf_token)" value="([^"]+)"')


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a provider that knows frida (reviewer), gorm (reviewer and admin) and hanne (no role)."""
    python = os.environ.get("OIDC_PROVIDER_PYTHON")
    if not python:
        if os.environ.get("OIDC_TESTS") == "required":
            pytest.fail("OIDC_PROVIDER_PYTHON names no Python with Canaille")
        pytest.skip("OIDC_PROVIDER_PYTHON names no Python with Canaille")
    port, log = free_port(), tmp_path_factory.mktemp("provider") / "log"
    with log.open("wb") as out:
        program = [python, str(Path(__file__).with_name("provider.py")), str(port), RETURN]
        process = subprocess.Popen(program, cwd=log.parent, stdout=out, stderr=out)
    _wait_for(port, process, log)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
def site(issuer: str, tmp_path: Path) -> Office:
    """The staff's site with that provider."""
    return office(tmp_path, oidc_issuer=issuer, **GIVEN)


def test_a_person_with_a_role_signs_in_at_the_hospital_and_comes_back_to_where_they_were_going(site: Office) -> None:
    client = site.visitor()
    page = client.get("/staff/ind?naeste=/staff/konto%3Fa%3D1").text
    assert "Log ind med hospitalets login" in page and "/staff/hospital?naeste=/staff/konto%3Fa%3D1" in page
    answer = _return(client, "frida", "/staff/konto?a=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/konto?a=1")
    account = client.get("/staff/konto").text
    assert "Du er logget ind som frida. Din rolle er gennemser." in account
    assert 'name="new"' not in account
    assert site.audit()[-2:] == [
        ("openid connect", "account added", "frida", {"role": "reviewer"}),
        ("frida", "signed in", "frida", {"by": "openid connect"}),
    ]


def test_the_highest_of_several_roles_counts(site: Office) -> None:
    client = site.visitor()
    _return(client, "gorm")
    assert "Din rolle er administrator." in client.get("/staff/konto").text


def test_the_code_is_asked_for_with_pkce_state_and_nonce(site: Office) -> None:
    asked = _query(site.visitor().get("/staff/hospital").headers["location"])
    assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) >= 43
    assert len(asked["state"]) >= 20 and len(asked["nonce"]) >= 20
    assert (asked["response_type"], asked["redirect_uri"]) == ("code", RETURN)


def test_somebody_without_a_role_is_told_so_and_noted(site: Office) -> None:
    client = site.visitor()
    answer = _return(client, "hanne")
    assert answer.status_code == 403 and "du har ikke fået en rolle her" in answer.text
    assert client.get("/staff/konto").status_code == 303
    assert site.audit()[-1] == (
        "nobody", "sign-in failed", "", {"by": "openid connect", "why": "hospital_no_role", "failure": ""},
    )


@pytest.mark.parametrize("change", [("state", "another"), ("state", ""), ("code", "another"), ("code", "")])
def test_a_return_with_another_state_or_code_is_refused_and_noted(site: Office, change: "tuple[str, str]") -> None:
    client = site.visitor()
    there = {**_query(_at_the_provider(client, "frida")), change[0]: change[1]}
    answer = client.get("/staff/hospital/retur", params=there)
    assert answer.status_code == 403 and "kunne ikke bekræfte" in answer.text
    assert client.get("/staff/konto").status_code == 303
    assert site.audit()[-1][1] == "sign-in failed"


def test_a_return_works_once_and_in_the_browser_that_began_alone(site: Office) -> None:
    client, another = site.visitor(), site.visitor("another browser")
    there = _query(_at_the_provider(client, "frida"))
    assert another.get("/staff/hospital/retur", params=there).status_code == 403
    assert client.get("/staff/hospital/retur", params=there).status_code == 303
    client.post_form("/staff/ud")
    assert client.get("/staff/hospital/retur", params=there).status_code == 403
    assert client.get("/staff/konto").status_code == 303


def test_a_code_that_was_used_is_refused_by_the_provider_too(site: Office) -> None:
    client, thief = site.visitor(), site.visitor()
    there = _query(_at_the_provider(client, "frida"))
    assert client.get("/staff/hospital/retur", params=there).status_code == 303
    own = _query(thief.get("/staff/hospital").headers["location"])
    assert thief.get("/staff/hospital/retur", params={"code": there["code"], "state": own["state"]}).status_code == 403


def test_signing_in_at_the_hospital_gives_the_session_a_new_id(site: Office) -> None:
    client = site.visitor()
    there = _query(_at_the_provider(client, "frida"))
    before = client.cookies["personale"]
    client.get("/staff/hospital/retur", params=there)
    assert client.cookies["personale"] != before


def test_an_account_with_a_password_is_not_taken_over_by_name(site: Office) -> None:
    site.desk.accounts.add("frida", "admin", PASSWORD)
    client = site.visitor()
    answer = _return(client, "frida")
    assert answer.status_code == 403 and "i forvejen" in answer.text
    assert client.get("/staff/konto").status_code == 303


def test_an_account_that_is_off_stays_out(site: Office) -> None:
    _return(site.visitor(), "frida")
    site.desk.accounts.set_active("frida", False)
    answer = _return(site.visitor(), "frida")
    assert answer.status_code == 403 and "Din konto er lukket" in answer.text


def test_a_role_that_changed_at_the_hospital_changes_here_and_ends_older_sessions(site: Office) -> None:
    older = site.visitor()
    _return(older, "frida")
    site.desk.accounts.change_role("frida", "admin")
    _return(site.visitor(), "frida")
    assert ("openid connect", "role changed", "frida", {"role": "reviewer", "sessions_ended": 0}) in site.audit()
    assert older.get("/staff/konto").status_code == 303


def test_nobody_signs_in_there_by_password(site: Office) -> None:
    _return(site.visitor(), "frida")
    assert site.visitor().sign_in("frida", "hospitalets adgangskode").status_code == 403


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "/chat"])
def test_the_way_back_leads_into_the_site_alone(site: Office, there: str) -> None:
    assert _return(site.visitor(), "frida", there).headers["location"] == "/staff/"


def test_a_provider_that_is_gone_is_said_and_passwords_still_work(tmp_path: Path) -> None:
    site = office(tmp_path, oidc_issuer=f"http://127.0.0.1:{free_port()}", **GIVEN)
    answer = site.visitor().get("/staff/hospital")
    assert answer.status_code == 503 and "Hospitalets login svarer ikke" in answer.text
    assert site.audit()[-1][3] == {"by": "openid connect", "why": "hospital_down", "failure": "ConnectError"}
    assert "Du er logget ind som anne" in site.signed_in("anne").get("/staff/konto").text


def test_a_provider_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "SECONDS", 0.3)
    line = Line(free_port())
    line.connect()
    with socket.create_server(("127.0.0.1", line.target)):
        line.hold()
        site = office(tmp_path, oidc_issuer=f"http://127.0.0.1:{line.port}", **GIVEN)
        begun = time.monotonic()
        assert "svarer ikke" in site.visitor().get("/staff/hospital").text
        assert time.monotonic() - begun < 3
    line.release()
    line.cut()


def test_without_a_provider_there_is_no_link_and_no_page(tmp_path: Path) -> None:
    client = office(tmp_path).visitor()
    assert "hospital" not in client.get("/staff/ind").text
    assert client.get("/staff/hospital").status_code == client.get("/staff/hospital/retur").status_code == 404


@pytest.mark.parametrize(
    "settings, name",
    [
        ({"oidc_issuer": "https://login.example"}, "SMERTE_OIDC_CLIENT_ID"),
        ({"oidc_client_secret": "x"}, "SMERTE_OIDC_ISSUER"),
        ({**GIVEN, "oidc_issuer": "https://login.example", "oidc_client_secret": ""}, "SMERTE_OIDC_CLIENT_SECRET"),
        ({**GIVEN, "oidc_issuer": "https://login.example", "oidc_roles": ""}, "SMERTE_OIDC_ROLES"),
        ({**GIVEN, "oidc_issuer": "https://login.example", "oidc_roles": "alle=chef"}, "SMERTE_OIDC_ROLES"),
        ({**GIVEN, "oidc_issuer": "https://login.example", "public_url": ""}, "SMERTE_PUBLIC_URL"),
        ({**GIVEN, "oidc_issuer": "http://login.example"}, "SMERTE_OIDC_ISSUER"),
    ],
)
def test_half_a_configuration_stops_the_start_with_its_name(settings: Dict[str, Any], name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        oidc.provider(Settings(**settings))


@dataclass
class Forger:
    """A provider that answers as it is told; its own key is the published one."""

    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, auto_kid=True))
    claims: Dict[str, Any] = field(default_factory=dict)
    signer: Any = None
    method: str = "RS256"
    asked: Dict[str, str] = field(default_factory=dict)
    port: int = 0

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str) -> Any:
        """What it says at a path."""
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        if path == "/token":
            return {"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": self._token()}
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }

    def _token(self) -> str:
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": "smertebot", "sub": "1", "iat": now, "exp": now + 60, "nonce": self.asked["nonce"]}
        claims = {"preferred_username": "frida", "groups": ["smertebot-gennemser"], **usual, **self.claims}
        key = self.signer or self.key
        return jwt.encode({"alg": self.method, "kid": self.key.kid}, claims, key, algorithms=[self.method])


@pytest.fixture
def forger() -> Iterator[Forger]:
    """A provider that cheats, over HTTP."""
    forger = Forger()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(forger.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forger.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield forger
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "cheat, gets_in",
    [
        ({}, True),
        ({"claims": {"groups": "smertebot-gennemser"}}, True),
        ({"claims": {"nonce": "another"}}, False),
        ({"claims": {"aud": "another"}}, False),
        ({"claims": {"aud": []}}, False),
        ({"claims": {"aud": ["another"], "azp": "smertebot"}}, False),
        ({"claims": {"iss": "http://another"}}, False),
        ({"claims": {"exp": 1}}, False),
        ({"claims": {"groups": [["smertebot-admin"], None, 7]}}, False),
        ({"method": "none"}, False),
        ({"signer": RSAKey.generate_key(2048)}, False),
    ],
)
def test_a_token_gets_in_only_if_it_is_genuine(forger: Forger, tmp_path: Path, cheat: Dict[str, Any], gets_in: bool) -> None:
    for name, value in cheat.items():
        setattr(forger, name, value)
    site = office(tmp_path, oidc_issuer=forger.issuer, **GIVEN)
    client = site.visitor()
    forger.asked = _query(client.get("/staff/hospital").headers["location"])
    answer = client.get("/staff/hospital/retur", params={"code": "a", "state": forger.asked["state"]})
    assert answer.status_code == (303 if gets_in else 403)
    assert client.get("/staff/konto").status_code == (200 if gets_in else 303)


def test_roles_may_lie_deeper_in_the_claims(forger: Forger, tmp_path: Path) -> None:
    forger.claims = {"groups": [], "realm_access": {"roles": ["smertebot-admin"]}}
    site = office(tmp_path, oidc_issuer=forger.issuer, **{**GIVEN, "oidc_role_claim": "realm_access.roles"})
    client = site.visitor()
    forger.asked = _query(client.get("/staff/hospital").headers["location"])
    client.get("/staff/hospital/retur", params={"code": "a", "state": forger.asked["state"]})
    assert "Din rolle er administrator." in client.get("/staff/konto").text


def _return(client: Client, name: str, naeste: str = "/staff/") -> httpx.Response:
    """Sign in at the provider and come back."""
    return client.get("/staff/hospital/retur", params=_query(_at_the_provider(client, name, naeste)))


def _at_the_provider(client: Client, name: str, naeste: str = "/staff/") -> str:
    """Sign in on the provider's pages; the address that it sends the browser back to."""
    address = client.get("/staff/hospital", params={"naeste": naeste}).headers["location"]
    with httpx.Client(follow_redirects=True, trust_env=False) as browser:
        page = browser.get(address)
        page = browser.post(page.url, data={"login": name, **_hidden(page)})
        page = browser.post(page.url, data={"password": "hospitalets adgangskode", **_hidden(page)}, follow_redirects=False)
        while not (there := str(page.url.join(page.headers["location"]))).startswith(PUBLIC + "/"):
            page = browser.get(there, follow_redirects=False)
    return there


def _hidden(page: httpx.Response) -> Dict[str, str]:
    return dict(_HIDDEN.findall(page.text))


def _query(address: str) -> Dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    waiting = threading.Event()
    while process.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            waiting.wait(0.1)
    pytest.fail(f"the provider ended: {log.read_text()[-2000:]}")
