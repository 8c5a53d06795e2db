"""What a site configures: one TOML file and `SIDENOTE_*` variables.

An unknown key stops the start: it is a typing error in a safety setting until somebody says otherwise.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from sidenote.ehrs import Ehr
from sidenote.errors import SettingsInvalid
from sidenote.servers import Server, secret_in
from tools.med_vlm.spec import ModelSpec

CONFIG_VARIABLE = "SIDENOTE_CONFIG"
COMPACT, OFF = "compact", "off"
"""The image model that ships, and none."""


def default_home() -> Path:
    """Where records, the case library and the ledger live unless configured: the platform's user data folder."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "sidenote"


class Settings(BaseSettings):
    """The whole configuration. Paths left empty lie under `home`."""

    model_config = SettingsConfigDict(env_prefix="SIDENOTE_", extra="forbid", frozen=True)

    home: Path = Field(default_factory=default_home, description="Folder of records, case library and ledger")
    image_model: str = Field("compact", description="Which model reads images: compact, the name of a `[[model]]`, or off")
    model: tuple[ModelSpec, ...] = Field((), description="Models a site brings: `[[model]]` tables of the file")
    model_folder: Path | None = Field(None, description="Weights of the compact model, when not the shipped ones")
    library: Path | None = Field(None, description="Folder of the case library; default HOME/library")
    encoder: str = Field("compact", description="Who embeds images and reports for the case library, e.g. compact")
    cards_url_file: Path | None = Field(None, description="File with the URL of a PostgreSQL database for case cards; none: SQLite")
    milvus_uri: str | None = Field(None, description="Milvus server, or file of milvus-lite, with the case library; none: the folder")
    milvus_collection: str = Field("sidenote", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$", description="Collection of the case library there")
    milvus_seal: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="Seal that `sidenote index publish` printed; none: any whole library"
    )
    milvus_token_file: Path | None = Field(None, description="File with the token for it")
    unencrypted_hosts: tuple[str, ...] = Field(
        (), description="Hosts of Milvus or PostgreSQL that are asked without TLS, on a network that the site holds to be closed"
    )
    rules: Path | None = Field(None, description="Folder of policy rules, when not the shipped ones")
    guidance: Path | None = Field(None, description="Folder of guidance topics, when not the shipped ones")
    secret_file: Path | None = Field(None, description="File with the site secret the case library was keyed with; none: phantom library")
    server: tuple[Server, ...] = Field((), description="FHIR servers and how each is asked: `[[server]]` tables of the file")
    evidence_tokens: int = Field(8_000, ge=1_000, le=1_000_000, description="Tokens that the evidence of a review holds at most")
    similar_cases: int = Field(5, ge=1, le=50, description="How many similar cases are shown at most")
    ehr: tuple[Ehr, ...] = Field((), description="EHRs that may launch `sidenote serve`: `[[ehr]]` tables of the file")
    host: str = Field("127.0.0.1", description="Address that `sidenote serve` listens on")
    port: int = Field(8400, ge=0, le=65_535, description="Port that `sidenote serve` listens on")
    public_url: str | None = Field(None, description="Under which URL browsers and EHRs see `sidenote serve`; https, or this machine")
    serve_image_model: bool = Field(False, description="Whether `sidenote serve` has images read: a device function, research use")
    session_minutes: int = Field(30, ge=1, le=720, description="Minutes without a question after which a session of the sidebar ends")

    @property
    def library_folder(self) -> Path:
        """Where the case library is."""
        return self.library or self.home / "library"

    @property
    def store_file(self) -> Path:
        """The database of decisions and of the audit."""
        return self.home / "store.sqlite"

    @property
    def records_folder(self) -> Path:
        """Where flight records are written."""
        return self.home / "records"

    @model_validator(mode="after")
    def _distinct(self) -> Settings:
        names, bases = [ehr.name for ehr in self.ehr], [ehr.iss.rstrip("/") for ehr in self.ehr]
        if len(set(names)) < len(names) or len(set(bases)) < len(bases):
            raise ValueError("each EHR needs a name and an iss of its own")
        return self

    @model_validator(mode="after")
    def _known_model(self) -> Settings:
        names = [OFF, COMPACT, *(spec.name for spec in self.model)]
        if len(set(names)) < len(names):
            raise ValueError("each [[model]] needs a name of its own")
        if self.image_model not in names:
            raise ValueError("image_model names no [[model]]")
        return self

    @property
    def image_model_spec(self) -> ModelSpec | None:
        """The `[[model]]` that reads images; None where that is the compact model, or none."""
        return next((spec for spec in self.model if spec.name == self.image_model), None)

    @model_validator(mode="after")
    def _one_library_a_tenant(self) -> Settings:
        """A site's cases are shown to one EHR's users. Phantoms, which are nobody's, may be shown to all."""
        lacking = [ehr.name for ehr in self.ehr if ehr.library is None]
        if len(self.ehr) > 1 and lacking and (self.secret_file is not None or self.milvus_uri is not None):
            raise ValueError("with several EHRs each needs a library of its own")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over variables, variables over the file that `SIDENOTE_CONFIG` names."""
        path = os.environ.get(CONFIG_VARIABLE)
        file = (TomlConfigSettingsSource(settings_cls, Path(path)),) if path else ()
        return (init_settings, env_settings, *file)


def site_secret(settings: Settings) -> bytes | None:
    """The site's secret, when one is configured.

    Raises:
        SettingsInvalid: its file cannot be read.
    """
    return None if settings.secret_file is None else secret_in(settings.secret_file, "secret_file")


def cards_url_of(settings: Settings) -> str | None:
    """URL of the PostgreSQL database with the case cards, where one is configured.

    Raises:
        SettingsInvalid: its file cannot be read, or a server elsewhere would be asked without TLS.
    """
    if settings.cards_url_file is None:
        return None
    from sidenote.encryption import postgres_hosts, refuse_cleartext

    url = secret_in(settings.cards_url_file, "cards_url_file").decode("utf-8", "replace")
    refuse_cleartext("cards_url_file", postgres_hosts(url), settings.unencrypted_hosts, "add sslmode=verify-full")
    return url


def load_settings() -> Settings:
    """Read the configuration.

    Raises:
        SettingsInvalid: an unknown key or variable, a value of the wrong kind, or a missing configuration file.
    """
    known = {f"SIDENOTE_{name.upper()}" for name in Settings.model_fields} | {CONFIG_VARIABLE}
    unknown = sorted(name for name in os.environ if name.startswith("SIDENOTE_") and name not in known and "_TEST_" not in name)
    if unknown:
        message = f"unknown variable {unknown[0]!r}"
        raise SettingsInvalid(message)
    path = os.environ.get(CONFIG_VARIABLE)
    if path and not Path(path).is_file():
        message = f"{CONFIG_VARIABLE} names no file"
        raise SettingsInvalid(message)
    try:
        return Settings()
    except (ValidationError, ValueError) as error:
        message = f"cannot use {_told(error)}"
        raise SettingsInvalid(message) from error


def _told(error: ValueError) -> str:
    """The keys that are at fault, or what our own rules say of several keys together; never a value."""
    if not isinstance(error, ValidationError):
        return "file"
    return ", ".join(".".join(str(part) for part in item["loc"]) or item["msg"] for item in error.errors())
