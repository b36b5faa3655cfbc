"""`tocsin config`: which settings hold, and who said so."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tocsin.cli import exits
from tocsin.cli.session import as_json
from tocsin.cli.terminal import complain, plain, show_json, show_table

if TYPE_CHECKING:
    from tocsin.config import Config

data_option = click.option("--data", help="Folder of the database and of tocsin.toml.  [default: ./tocsin-data]")
dev_option = click.option("--dev", is_flag=True, default=None, help="As it would be with serve --dev.")


class Setting(NamedTuple):
    """A setting as it holds.

    Attributes:
        name: as in tocsin.toml, dotted.
        source: `default`, `--dev`, an option, an environment variable, or the file's path.
    """

    name: str
    value: Any
    source: str


@click.group(short_help="Show or check the server's settings.")
def config() -> None:
    """The server's settings: options, over TOCSIN_… in the environment, over tocsin.toml in the data folder."""


@config.command()
@data_option
@dev_option
@as_json
def show(**given: Any) -> None:
    """Show the settings that hold, and where each comes from."""
    settings = _settings(given)
    if given["as_json"]:
        show_json({"settings": [setting._asdict() for setting in settings]})
    else:
        rows = [(setting.name, _written(setting.value), setting.source) for setting in settings]
        show_table(("SETTING", "VALUE", "FROM"), rows)


@config.command()
@data_option
@dev_option
@as_json
def check(**given: Any) -> None:
    """Check the settings, as serve would; status 2 and what is wrong when it would not start with them."""
    settings = _settings(given, startable=True)
    file = settings_file(given)
    said = [str(file)] if file.exists() else []
    said += sorted({setting.source for setting in settings if setting.source.startswith("TOCSIN_")})
    if given["as_json"]:
        show_json({"ok": True, "file": str(file) if file.exists() else None})
    else:
        click.echo(plain(f"good: {', '.join(said) or 'nothing but defaults'}"))


def _settings(given: dict[str, Any], *, startable: bool = False) -> list[Setting]:
    from tocsin import config as configuration
    from tocsin.errors import StartError

    options = {"data": given["data"], "dev": given["dev"]}
    try:
        loaded = configuration.load(options)
        if startable:
            # Here and not above: to show settings it takes none of the cryptography.
            from tocsin.cli.startable import check_startable

            check_startable(loaded)
        return effective(options, loaded)
    except StartError as error:
        if given["as_json"]:
            show_json({"ok": False, "error": error.sentence})
        complain(error.sentence)
        sys.exit(exits.USAGE)


def effective(options: dict[str, Any], loaded: Any) -> list[Setting]:
    """Every setting with where it comes from.

    Parameters:
        options: as given on the command line; None for not given.
        loaded: what they, the environment and the file became.
    """
    import msgspec

    from tocsin.config import without_password

    values = _flat(msgspec.to_builtins(loaded))
    for name in ("database", "broker"):
        if values[name]:
            values[name] = without_password(values[name])
    defaults = _flat(msgspec.to_builtins(type(loaded)()))
    path = settings_file(options)
    # It was read without complaint a moment ago.
    in_file = _flat(tomllib.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}
    # It names all apps in one variable, and was read without complaint, too.
    by_app = _flat(msgspec.json.decode(os.environ.get("TOCSIN_RETENTION__APPS", "{}")), "retention.apps.")

    def source(name: str) -> str:
        variable = f"TOCSIN_{name.upper().replace('.', '__')}"
        if options.get(name) is not None:
            return f"--{name.replace('_', '-')}"
        if loaded.dev and name in ("anonymous_broadcasts", "metrics.public"):
            return "--dev"
        if variable in os.environ:
            return variable
        if name in by_app:
            return "TOCSIN_RETENTION__APPS"
        if name in in_file:
            return str(path)
        return "default" if values[name] == defaults.get(name) else "environment"

    return [Setting(name, value, source(name)) for name, value in values.items()]


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in settings.items():
        # An empty table is a setting, too: days of no app.
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def settings_file(options: dict[str, Any]) -> Path:
    """Where tocsin.toml is looked for: in the data folder that an option or the environment names, else the usual."""
    return Path(options.get("data") or os.environ.get("TOCSIN_DATA") or "./tocsin-data") / "tocsin.toml"


def own_url(config: Config) -> str:
    """Where a server with these settings is reached from its own machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.host, config.host)  # noqa: S104  (read, not bound)
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{'https' if config.tls_cert else 'http'}://{host}:{config.port}"


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(one["issuer"] if isinstance(one, dict) else str(one) for one in value) or "-"
    return str(value) if value not in ("", {}) else "-"
