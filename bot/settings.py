"""Settings from the environment or a `.env` file, prefix SMERTE_; an unknown or malformed one stops the start."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile
from typing import FrozenSet, List, Optional

from dotenv import dotenv_values
from pydantic import BaseSettings, Field, ValidationError

from bot.identity import kept_secret
from bot.paths import ROOT

PREFIX = "SMERTE_"


class SettingsError(Exception):
    """A setting is unknown or malformed; the message names it."""


class Settings(BaseSettings):
    """How this server runs. Each field is the environment variable SMERTE_<FIELD>."""

    model: Optional[Path] = Field(None, description="Trained Rasa model; default: the newest under models/")
    rest_keys: str = Field("", description="Keys, comma-separated, that open the REST channel to other machines")
    origins: str = Field("", description="Sites, comma-separated, that may call /api from a browser")
    reply_seconds: float = Field(20.0, gt=0, le=120, description="How long a reply may take before the patient is told")
    database_url: Optional[str] = Field(None, description="SQLite or PostgreSQL; default: SQLite in the folder of SMERTE_VAR")
    retention_days: int = Field(30, ge=1, le=365, description="How many days a message is kept")
    secret_key: Optional[str] = Field(
        None, min_length=32, description="Keys conversations in the database; default: made once and kept in SMERTE_VAR"
    )
    public_url: str = Field(
        "", regex="^(https?://[^/]+)?$", description="Address of this server as browsers see it, as https://chat.example.dk"
    )
    oidc_issuer: str = Field("", description="OpenID Connect: the provider, spelled as its discovery document has it")
    oidc_client_id: str = Field("", description="OpenID Connect: what the provider calls this server")
    oidc_client_secret: str = Field("", description="OpenID Connect: the secret that goes with it")
    oidc_role_claim: str = Field(
        "groups", description="OpenID Connect: the claim that roles follow from, as groups or realm_access.roles"
    )
    oidc_scope: str = Field("openid profile email", description="OpenID Connect: what the provider is asked for")
    oidc_roles: str = Field("", description="OpenID Connect: value of the claim = role, comma-separated, as smertebot=reviewer")
    var: Path = Field(ROOT / "var", description="Folder of database, secret and queue")
    spacy_wheel: Optional[Path] = Field(None, description="A da_core_news_sm wheel for set-up to install (./run)")
    python: Optional[str] = Field(None, description="The Python 3.10 that set-up shall use (./run)")

    class Config:
        env_prefix = PREFIX
        env_file = ROOT / ".env"

    @property
    def keys(self) -> FrozenSet[str]:
        """The keys of the REST channel."""
        return frozenset(listed(self.rest_keys))

    @property
    def allowed_origins(self) -> List[str]:
        """The sites that may call /api."""
        return listed(self.origins)

    @property
    def folder(self) -> Path:
        """SMERTE_VAR, made where it is missing. Raises SettingsError when nothing can be written there."""
        try:
            self.var.mkdir(parents=True, exist_ok=True, mode=0o700)
            with TemporaryFile(dir=self.var):
                return self.var.absolute()
        except OSError as error:
            raise SettingsError(f"{PREFIX}VAR: nothing can be written in {self.var} ({error.strerror})")

    @property
    def database(self) -> str:
        """The address of the database. Raises SettingsError."""
        return self.database_url or f"sqlite:///{self.folder / 'smertebot.sqlite'}"

    @property
    def secret(self) -> str:
        """The server's secret. Raises SettingsError."""
        return self.secret_key or kept_secret(self.folder / "secret_key")


def load() -> Settings:
    """The settings of this process. Raises SettingsError."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.__fields__}
    given = {name.upper() for name in (*os.environ, *dotenv_values(ROOT / ".env")) if name.upper().startswith(PREFIX)}
    if unknown := sorted(given - known):
        raise SettingsError(f"unknown setting {unknown[0]}; known are {', '.join(sorted(known))}")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"{PREFIX}{str(first['loc'][0]).upper()}: {first['msg']}")


def listed(text: str) -> List[str]:
    """The parts of a comma-separated text."""
    return [part.strip() for part in text.split(",") if part.strip()]
