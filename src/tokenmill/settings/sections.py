"""Declares every section of the settings, and what its values may be."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tokenmill.kit.hosts import host_name


def _reference(text: str) -> str:
    if text and not text.startswith(("env:", "file:")):
        raise ValueError("must be env:NAME or file:PATH; the secret itself does not belong in the settings")
    return text


def _database_url(text: str) -> str:
    if text and not text.startswith(("sqlite:///", "postgresql://")):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return text


def _files_url(text: str) -> str:
    if "://" in text and not text.startswith("s3://"):
        raise ValueError("must be a directory, or s3://BUCKET or s3://BUCKET/PREFIX")
    if text.startswith("s3://") and ("@" in text or "?" in text or not text.removeprefix("s3://").strip("/")):
        raise ValueError("must be s3://BUCKET or s3://BUCKET/PREFIX; credentials belong in the environment")
    return text


def _public_url(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    if text and not _names_a_host(text):
        raise ValueError("must name a host, and perhaps a port: https://api.example.com:8443")
    return text.rstrip("/")


def _issuer(text: str) -> str:
    if not text:
        return text
    try:
        parts = urlsplit(text)
        plain = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    except ValueError:
        plain, parts = False, urlsplit("")
    if not _names_a_host(text) or not (plain or parts.scheme == "https"):
        raise ValueError("must be an https address, exactly as the provider writes it (http on this machine)")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be an address without user, query or fragment")
    return text


def _scopes(names: tuple[str, ...]) -> tuple[str, ...]:
    if "openid" not in names or not all(re.fullmatch(r"[!#-\[\]-~]+", name) for name in names):
        raise ValueError("must hold openid, and each scope by itself")
    return names


def _names_a_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _cache_url(text: str) -> str:
    if text and not text.startswith(("redis://", "rediss://")):
        raise ValueError("must begin with redis:// or rediss://")
    return text


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        try:
            ip_network(name, strict=False)
        except ValueError:
            raise ValueError("must be IP addresses or networks, like 10.0.0.0/8") from None
    return names


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(host_name, names)))


Reference = Annotated[str, AfterValidator(_reference)]
Source = Literal["default", "file", "environment"]


class Section(BaseModel):
    """A table of the settings file: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Server(Section):
    """How this process listens; `public_url` is what users type, empty if that is the same.

    The `X-Forwarded-For` of `trusted_proxies` (IP networks) is believed; without them, whoever comes through
    a proxy seems to come from its address.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080  # 0: any free one.
    public_url: Annotated[str, AfterValidator(_public_url)] = ""
    trusted_proxies: Annotated[tuple[str, ...], AfterValidator(_networks)] = ()
    workers: Annotated[int, Field(ge=1)] = 1
    max_body_mb: Annotated[int, Field(ge=1)] = 64
    stop_grace: Annotated[float, Field(ge=0, le=86_400)] = 120.0  # Seconds that running replies get to end.


class DatabaseSection(Section):
    """Where the business is kept; after `load_settings`, `url` is never empty and its path absolute.

    With `synchronous = "full"` SQLite waits for the disk at every commit, so that a machine which loses
    power loses nothing; PostgreSQL has a setting of its own for that.
    """

    url: Annotated[str, AfterValidator(_database_url)] = ""
    synchronous: Literal["normal", "full"] = "normal"


class Cache(Section):
    """The Valkey or Redis server on which nodes share their rate windows; empty: each counts for itself."""

    url: Annotated[str, AfterValidator(_cache_url)] = ""


class Embedded(Section):
    """The model that runs beside the server."""

    model: str = "qwen2.5-coder-1.5b"
    enabled: bool = True


class Security(Section):
    """Where the platform's secret is read from; `secrets_old` are still honoured.

    So are `secrets_next`, which other nodes use already: what was made under those stays as it is.
    """

    secret: Reference = ""
    secrets_old: tuple[Reference, ...] = ()
    secrets_next: tuple[Reference, ...] = ()


class Accounts(Section):
    """Who may come in, and how long a browser stays signed in."""

    signup: Literal["closed", "invite", "open"] = "invite"
    session_days: Annotated[int, Field(ge=1, le=365)] = 30
    session_idle_days: Annotated[int, Field(ge=1, le=365)] = 7
    confirm_minutes: Annotated[int, Field(ge=1, le=1440)] = 10  # A password counts as just given for so long.


class Oidc(Section):
    """The OpenID Connect provider that people sign in by; without an issuer there is none.

    `sign_up` says who may have an account for the first time: nobody but users who are here (`existing`),
    also those with an invitation (`invited`), anybody (`open`); `[accounts] signup = "closed"` closes this,
    too. The claim `operator_claim` (`groups`, `realm_access.roles`) makes an operator of whoever has one of
    `operator_values` in it, for as long as they have it.
    """

    issuer: Annotated[str, AfterValidator(_issuer)] = ""
    client_id: str = ""
    client_secret: Reference = ""  # Empty for a public client, which PKCE alone protects.
    scopes: Annotated[tuple[str, ...], AfterValidator(_scopes)] = ("openid", "email")
    name: str = ""  # On the button; empty: "Single sign-on".
    name_zh: str = ""  # The same in Chinese; empty: as `name`.
    sign_up: Literal["existing", "invited", "open"] = "invited"
    currency: Literal["USD", "CNY"] = "USD"  # Of accounts made by `open`; it can never be changed.
    allowed_domains: Annotated[tuple[str, ...], AfterValidator(_hosts)] = ()  # Of e-mail; empty: any.
    operator_claim: str = ""
    operator_values: tuple[str, ...] = ()
    local_sign_in: bool = True  # Do passwords still let people in?
    timeout: Annotated[float, Field(ge=0.1, le=60)] = 10.0  # Seconds that each of its replies may take.

    @model_validator(mode="after")
    def _whole(self) -> Oidc:
        if self.issuer and not self.client_id:
            raise ValueError("needs client_id beside its issuer")
        if bool(self.operator_claim) != bool(self.operator_values):
            raise ValueError("needs both operator_claim and operator_values, or neither")
        if not self.issuer and not self.local_sign_in:
            raise ValueError("needs issuer where local_sign_in is false, or nobody could come in")
        return self


class Responses(Section):
    """How long responses are kept whose callers asked for it; 0 days: not at all."""

    retention_days: Annotated[int, Field(ge=0, le=3650)] = 30


class VaultSection(Section):
    """Whether and how long reasoning is remembered for clients that do not send it back, and how much."""

    enabled: bool = True
    days: Annotated[int, Field(ge=1, le=3650)] = 30
    max_mb_per_account: Annotated[int, Field(ge=1, le=65_536)] = 64


class Mail(Section):
    """The SMTP server that sends letters; without a host, none are sent. Port 465 speaks TLS at once."""

    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    user: str = ""
    password: Reference = ""
    sender: Annotated[str, Field(alias="from")] = ""
    starttls: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Mail:
        if self.host and "@" not in self.sender:
            raise ValueError('needs from = "NAME <address@example.com>" beside its host')
        if self.user and not self.password:
            raise ValueError('needs password = "env:NAME" or "file:PATH" beside its user')
        return self


class Payments(Section):
    """Where wallets can be topped up; both secrets are the provider's, neither may be empty."""

    provider: Literal["none", "stripe"] = "none"
    api_key: Reference = ""
    webhook_secret: Reference = ""


class Webhooks(Section):
    """How events go out to accounts' own servers; `loopback` lets them be on this machine, for trying."""

    loopback: bool = False


class Retention(Section):
    """For how many days single exchanges are kept; 0: for ever. Daily sums stay."""

    usage_days: Annotated[int, Field(ge=0, le=36_500)] = 0


class Logs(Section):
    """Logs as JSON lines or for people; None decides by whether a terminal is there."""

    as_json: Annotated[bool | None, Field(alias="json")] = None


class FilesSection(Section):
    """Where uploaded files lie (a directory, or `s3://BUCKET/PREFIX`), and what they may take, in bytes.

    `days` is how long they are kept at most; 0: until they are deleted. After `load_settings`, `url` is never
    empty and a directory absolute.
    """

    enabled: bool = True
    url: Annotated[str, AfterValidator(_files_url)] = ""
    max_bytes: Annotated[int, Field(ge=1, le=2**40)] = 512 * 2**20
    quota_bytes: Annotated[int, Field(ge=1, le=2**50)] = 5 * 2**30
    days: Annotated[int, Field(ge=0, le=36_500)] = 0


class TokenPlan(Section):
    """Host names that serve the Token Plan without its path prefix; users are told the first one."""

    hosts: Annotated[tuple[str, ...], AfterValidator(_hosts)] = ()


class Search(Section):
    """The web search provider; without one, nobody can search.

    `url` is a SearXNG server's, or stands in for the usual address of the others; `corpus` is a file of JSON
    lines. `pages` says whether found pages are read. They have to be public, or in one of `networks`.
    """

    provider: Literal["none", "corpus", "searxng", "ddgs", "brave", "tavily", "bocha"] = "none"
    url: str = ""
    api_key: Reference = ""
    corpus: str = ""
    pages: bool = True
    networks: Annotated[tuple[str, ...], AfterValidator(_networks)] = ()

    @model_validator(mode="after")
    def _whole(self) -> Search:
        if self.provider == "corpus" and not self.corpus:
            raise ValueError("needs corpus, a file of JSON lines, beside provider = corpus")
        if self.provider == "searxng" and not self.url:
            raise ValueError("needs url, the address of a SearXNG server, beside provider = searxng")
        if self.provider in ("brave", "tavily", "bocha") and not self.api_key:
            raise ValueError(f'needs api_key = "env:NAME" or "file:PATH" beside provider = {self.provider}')
        if self.url and not _names_a_host(self.url):
            raise ValueError("needs a url like https://search.example.com")
        return self


class Moderation(Section):
    """What is done about unwanted text where no policy of the console says otherwise.

    `classifier` is a target of the catalogue with a guard model, or the URL of an OpenAI `/moderations`
    endpoint. `classifier_model` is what it calls its model, and `classifier_style` what kind of guard that
    is, if its name does not tell. A reply is shown to it `classifier_window` characters at a time, and held
    back for so long.
    """

    input: Literal["block", "flag", "off"] = "off"
    output: Literal["block", "flag", "off"] = "off"
    lists: tuple[str, ...] = ("builtin:zh", "builtin:en")
    classifier: str = ""
    classifier_model: str = ""
    classifier_style: Literal["auto", "qwen3guard", "llama_guard", "shieldgemma"] = "auto"
    classifier_key: Reference = ""
    classifier_seconds: Annotated[float, Field(gt=0, le=120)] = 10.0
    classifier_window: Annotated[int, Field(ge=50, le=20_000)] = 400
    on_failure: Literal["open", "closed"] = "closed"


class Settings(BaseSettings):
    """All settings of one process; made by `load_settings`, read by nobody below `compose`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    server: Server = Server()
    database: DatabaseSection = DatabaseSection()
    cache: Cache = Cache()
    embedded: Embedded = Embedded()
    security: Security = Security()
    accounts: Accounts = Accounts()
    oidc: Oidc = Oidc()
    responses: Responses = Responses()
    vault: VaultSection = VaultSection()
    mail: Mail = Mail()
    payments: Payments = Payments()
    webhooks: Webhooks = Webhooks()
    retention: Retention = Retention()
    logs: Logs = Logs()
    token_plan: TokenPlan = TokenPlan()
    files: FilesSection = FilesSection()
    search: Search = Search()
    moderation: Moderation = Moderation()

    _sources: dict[tuple[str, str], Source] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`Settings()` reads nothing by itself; `load_settings` says what is read and in which order."""
        return (init_settings,)

    def source_of(self, section: str, key: str) -> Source:
        """Where a setting comes from."""
        return self._sources.get((section, key), "default")
