"""An OpenID Connect provider for tests: Canaille, a real one, with a database in the working directory.

Run by a Python of its own (see .ci/run), because its packages do not go with ours: `python provider.py PORT RETURN_ADDRESS`.
Its database in memory would not do: there, any code of a client is as good as another.
"""

import sys

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from werkzeug.serving import make_server

PASSWORD = "hospitalets adgangskode"
QUICK = {"pbkdf2_sha512__rounds": 1000}
# Two access tokens of one person in the same second would be the same, which Canaille takes for an error.
DIFFERENT = "https://example.org/{{ range(10**9) | random }}"
GROUPS = {"smertebot-gennemser": ["frida", "gorm"], "smertebot-admin": ["gorm"], "kantinen": ["hanne"]}


def main(port, return_address):
    app = create_app(
        {
            "SECRET_KEY": "only for tests",
            "SERVER_NAME": f"127.0.0.1:{port}",
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "sql", "LANGUAGE": "en", "SMTP": None},
            "CANAILLE_SQL": {"DATABASE_URI": "sqlite:///provider.sqlite", "PASSWORD_HASH_PARAMS": QUICK},
            "CANAILLE_OIDC": {"USERINFO_MAPPING": {"PREFERRED_USERNAME": "{{ user.user_name }}", "WEBSITE": DIFFERENT}},
        }
    )
    with app.app_context():
        fill(return_address)
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()


def fill(return_address):
    people = {
        name: models.User(
            user_name=name, password=PASSWORD, formatted_name=name, family_name=name, emails=[f"{name}@example.org"]
        )
        for name in ("frida", "gorm", "hanne")
    }
    client = models.Client(
        client_id="smertebot",
        client_secret="the client's secret",
        client_name="Smertebot",
        # An address of this machine is trusted: nobody is asked to consent.
        client_uri="http://127.0.0.1",
        redirect_uris=[return_address],
        grant_types=["authorization_code"],
        response_types=["code"],
        scope=["openid", "profile", "email", "groups"],
        token_endpoint_auth_method="client_secret_basic",
    )
    for model in (*people.values(), client):
        Backend.instance.save(model)
    # Only what is saved can be referred to.
    client.audience = [client]
    Backend.instance.save(client)
    for group, members in GROUPS.items():
        Backend.instance.save(models.Group(display_name=group, members=[people[name] for name in members]))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
