"""Every setting, its default, and where it comes from: options over environment over `tocsin.toml`."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec

from tocsin.errors import StartError
from tocsin.ownership import why_not_opened

AtLeastOne = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[limits]`: what one user, one address or one request may take.

    Attributes:
        streams_per_user: open streams of one user.
        streams_per_address: open streams of one client address (IPv6: /64).
        unauthenticated_per_address: WebSockets of one address that wait for their first frame.
        login_failures: failed sign-ins of one account or address in five minutes.
        messages_per_minute: frames that one WebSocket may send.
        writer_queue: writes that may wait for the store.
        database_connections: connections to PostgreSQL for reading, besides the one for writing.
    """

    streams_per_user: AtLeastOne = 1_000
    streams_per_address: AtLeastOne = 20_000
    unauthenticated_per_address: AtLeastOne = 20
    login_failures: AtLeastOne = 10
    messages_per_minute: AtLeastOne = 60
    writer_queue: AtLeastOne = 20_000
    database_connections: AtLeastOne = 4


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[retention]`: how long notifications are kept.

    Attributes:
        days: after which a notification is removed.
        per_user: most notifications of their own that a user keeps; 0 for any number.
        apps: days for those of an app, by its id, instead of `days`.
        every_seconds: between two looks for what is to be removed.
    """

    days: AtLeastOne = 90
    per_user: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0
    apps: dict[str, AtLeastOne] = {}
    every_seconds: Annotated[float, msgspec.Meta(ge=0.01, le=86_400)] = 3600.0


class Metrics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[metrics]`.

    Attributes:
        public: whether `/metrics` needs no credential.
    """

    public: bool = False


class Issuer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[issuers]]`: somebody else whose JWTs are accepted.

    Attributes:
        issuer: the `iss` claim, exactly.
        audience: the `aud` claim that must be there.
        algorithm: the one signing algorithm, fixed here and never read from a token.
        jwks_url: where its keys are (https, or http on loopback); fetched on a schedule, never for a token.
        public_key: its key in PEM form instead, or a path to it.
        trusted_roles: whether its `superuser` claim counts.
        create_users: whether a first valid token creates its user.
    """

    issuer: str
    audience: str
    algorithm: Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
    jwks_url: str = ""
    public_key: str = ""
    trusted_roles: bool = False
    create_users: bool = False


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    Attributes:
        host: address to listen on.
        port: TCP port to listen on; 0 picks one.
        data: folder of the database, its lock and the settings file.
        database: `postgresql://user:password@host:port/name` instead of a database in that folder.
        broker: `redis://…`, by which nodes on one database tell one another; empty for the database itself.
        node: name of this node among those on one database; empty for the host's name and chance.
        dev: loopback only, with sample users and keys; never for real use.
        tls_cert: PEM file with the certificate chain; with `tls_key`, HTTPS is served.
        tls_key: PEM file with the private key.
        base_url: how people reach this server from outside (`https://tocsin.example`, or below a path of it), for
            Origin checks.
        origins: other origins whose pages may use the API and open streams, exactly as browsers send them.
        trusted_proxies: addresses or networks whose `X-Forwarded-For` and `-Proto` are believed.
        anonymous_broadcasts: whether a stream without a credential receives broadcasts.
        allow_key_in_query: whether an API key may stand in `?token=`.
        drain_seconds: over how long streams are closed at a graceful stop.
        log_level: least severity that is logged.
        log_requests: which requests are logged: all, only refused ones, or none.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8000
    data: str = "./tocsin-data"
    database: str = ""
    broker: str = ""
    node: Annotated[str, msgspec.Meta(max_length=128)] = ""
    dev: bool = False
    tls_cert: str = ""
    tls_key: str = ""
    base_url: str = ""
    origins: list[str] = []
    trusted_proxies: list[str] = []
    anonymous_broadcasts: bool = False
    allow_key_in_query: bool = False
    drain_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 2.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_requests: Literal["all", "refused", "none"] = "refused"
    limits: Limits = Limits()
    retention: Retention = Retention()
    metrics: Metrics = Metrics()
    issuers: list[Issuer] = []


_IN_JSON = {"issuers": "array", "retention.apps": "object"}
"""Settings that are written as JSON in the environment."""

_CHOICES = {name: get_args(hint) for name, hint in get_type_hints(Config).items() if get_origin(hint) is Literal}
"""Settings that have one of a few words, and these words."""

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "array": "a list",
    "object": "a group of settings",
}
"""What the library calls the kinds of values, and the words for them."""

_SHOWN_CHARACTERS = 40

_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?", re.ASCII)
_CLIENT_VARIABLES = frozenset({"TOCSIN_URL", "TOCSIN_TOKEN"})
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def load(options: dict[str, Any], environment: dict[str, str] | None = None) -> Config:
    """Put the settings together: options over environment over the file `tocsin.toml` in the data folder.

    Parameters:
        options: what was given on the command line; None values count as not given.
        environment: defaults to the process's own.

    Raises:
        StartError: an unknown name, a value of the wrong type, or settings that contradict one another.
    """
    environment = dict(os.environ) if environment is None else environment
    given = {name: value for name, value in options.items() if value is not None}
    from_environment = _read_environment(environment)
    folder = given.get("data") or from_environment.get("data") or Config().data
    merged = _merge(_merge(_read_file(Path(folder) / "tocsin.toml"), from_environment), given)
    try:
        config = msgspec.convert(merged, Config, strict=False)
    except msgspec.ValidationError as error:
        raise StartError(f"configuration: {_whose(str(error), merged, from_environment, given)}") from None
    return _checked(config)


def _whose(error: str, merged: dict[str, Any], from_environment: dict[str, Any], given: dict[str, Any]) -> str:
    """What is wrong with a setting, with its name as whoever set it wrote it."""
    unknown = re.search(r"unknown field `(\w+)`", error)
    at = re.search(r" - at `\$\.?([\w.]*)", error)
    places = [part for part in (at[1] if at else "").split(".") if part]
    path = ".".join([*places, unknown[1]] if unknown else places)
    why = f"there is no setting {path!r}" if unknown else _worded(error.partition(" - at ")[0], path, merged)
    if choices := _CHOICES.get(path):
        why = f"{why}; expected one of {', '.join(choices)}"
    section, _, name = path.partition(".")
    if section in given:
        return f"--{section.replace('_', '-')}: {why}"
    held = from_environment.get(section)
    if held is not None and (not name or (isinstance(held, dict) and name in held)):
        return f"TOCSIN_{path.replace('.', '__').upper()}: {why}"
    return f"tocsin.toml: {path}: {why}"


def _worded(why: str, path: str, merged: dict[str, Any]) -> str:
    """The library's sentence about a value of the wrong kind, in words that need no knowledge of the program."""
    if missing := re.search(r"missing required field `(\w+)`", why):
        return f"{missing[1]} is missing"
    kinds = re.match(r"Expected `(\w+)`(?: (?:>=|<=) ([\d.]+))?(?:.*got `(\w+)`)?", why)
    if not kinds:
        return why
    hint, value = _at(path, merged)
    limits = _limits(hint)
    if limits.max_length is not None:
        return f"expected at most {limits.max_length} characters"
    expected = _KINDS.get(kinds[1], kinds[1])
    if limits.ge is not None:
        expected += f" from {limits.ge} to {limits.le}"
    elif kinds[2]:
        expected += f" of {kinds[2]} or more"
    got = "" if isinstance(value, (dict, list)) else repr(value)
    if not got or len(got) > _SHOWN_CHARACTERS:
        got = _KINDS.get(kinds[3], "")
    return f"expected {expected}, got {got}" if got else f"expected {expected}"


def _at(path: str, merged: dict[str, Any]) -> tuple[Any, Any]:
    """The declared type of a setting and the value it was given; the value is a dict or a list where it is inside."""
    hint: Any = Config
    value: Any = merged
    for part in path.split("."):
        hint = get_type_hints(hint, include_extras=True).get(part)
        value = value.get(part) if isinstance(value, dict) else value
        if not (isinstance(hint, type) and issubclass(hint, msgspec.Struct)):
            break
    return hint, value


def _limits(hint: Any) -> msgspec.Meta:
    return hint.__metadata__[0] if get_origin(hint) is Annotated else msgspec.Meta()


def _checked(config: Config) -> Config:
    if "*" in config.origins:
        raise StartError("configuration: origins: '*' would let any page act for its visitor; list them one by one")
    for name, address in [*(("origins", one) for one in config.origins), ("base_url", _origin_of(config.base_url))]:
        if not _is_origin(address) and (address or name == "origins"):
            raise StartError(f"configuration: {name}: {address!r}: expected scheme and host, as https://tocsin.example")
    if config.data == "":
        raise StartError("configuration: data: name a folder")
    if config.database and (trouble := database_trouble(config.database)):
        raise StartError(f"configuration: database: {trouble}")
    if config.broker and urlsplit(config.broker).scheme not in ("redis", "rediss"):
        raise StartError("configuration: broker: expected redis://host:6379 or rediss://host:6379, or nothing")
    if (config.broker or config.node) and not config.database:
        raise StartError("configuration: broker and node are for several nodes on one database; give database, too")
    if bool(config.tls_cert) != bool(config.tls_key):
        raise StartError("configuration: tls_cert and tls_key go together")
    if config.dev and config.host not in _LOOPBACK_HOSTS:
        why = "dev has well-known passwords and listens on loopback only; drop `host` (--host, TOCSIN_HOST)"
        raise StartError(f"configuration: {why}")
    for network in config.trusted_proxies:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise StartError(f"configuration: trusted_proxies: {network!r} is no address or network") from None
    for issuer in config.issuers:
        if bool(issuer.jwks_url) == bool(issuer.public_key):
            raise StartError(f"configuration: issuers: {issuer.issuer}: give either jwks_url or public_key")
    if config.dev:
        return msgspec.structs.replace(
            config, anonymous_broadcasts=True, metrics=msgspec.structs.replace(config.metrics, public=True)
        )
    return config


def _origin_of(base_url: str) -> str:
    """A base URL without the path below which the server is reached, where that can be one."""
    try:
        parts = urlsplit(base_url)
    except ValueError:
        return base_url
    fits = _PATH.fullmatch(parts.path) and base_url == f"{parts.scheme}://{parts.netloc}{parts.path}"
    return f"{parts.scheme}://{parts.netloc}" if fits else base_url


def without_password(url: str) -> str:
    """A database's URL as it may be shown."""
    parts = urlsplit(url)
    user, _, _password = parts.netloc.rpartition("@")[0].partition(":")
    host = parts.netloc.rpartition("@")[2]
    shown = f"{user}:…@{host}" if _password else f"{user}@{host}" if user else host
    # Parameters may hold one, too.
    return f"{parts.scheme}://{shown}{parts.path}{'?…' if parts.query else ''}"


def database_trouble(url: str) -> str:
    """Why this is no URL of a PostgreSQL database, without repeating it, for it may hold a password; else empty."""
    encoded = "in a password, @ : / ? # and % are percent-encoded (%40 %3A %2F %3F %23 %25)"
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("postgresql", "postgres") and bool(parts.path.strip("/")) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        return f"expected postgresql://user:password@host:port/name; {encoded}"
    # Where the password ends, and so which host is looked up, would be anybody's guess.
    if parts.netloc.count("@") > 1 or "@" in parts.path:
        return f"there is an @ too many: {encoded}"
    return ""


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and text == f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        return False


def _read_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except NotADirectoryError:
        raise StartError(f"{path.parent}: the data folder is a file, or below one; name a folder") from None
    except PermissionError as error:
        raise StartError(f"{path}: cannot be read: {why_not_opened(path, error)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StartError(f"{path}: {error}") from None


def _read_environment(environment: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith("TOCSIN_") or variable in _CLIENT_VARIABLES:
            continue
        section, _, name = variable.removeprefix("TOCSIN_").lower().partition("__")
        if name:
            holder = found.setdefault(section, {})
            if isinstance(holder, dict):
                holder[name] = _split(f"{section}.{name}", text)
        else:
            found[section] = _split(section, text)
    return found


def _split(name: str, text: str) -> Any:
    hint = get_type_hints(Config).get(name)
    if hint in (list[str],):
        return [part.strip() for part in text.split(",") if part.strip()]
    if name in _IN_JSON:
        try:
            return msgspec.json.decode(text.encode())
        except msgspec.DecodeError:
            variable = f"TOCSIN_{name.upper().replace('.', '__')}"
            raise StartError(f"{variable}: expected a JSON {_IN_JSON[name]}") from None
    return text


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
