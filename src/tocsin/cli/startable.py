"""What of the settings `serve` holds against the machine before it starts; `config check` and `doctor` do the same."""

from __future__ import annotations

from pathlib import Path

from tocsin.cli.tls import tls_trouble
from tocsin.config import Config
from tocsin.credentials.jwks import IssuerKeys
from tocsin.errors import StartError
from tocsin.listening import check_host
from tocsin.store.sqlite.examination import moved_trouble


def check_startable(config: Config) -> None:
    """Whether a server could start with these settings, as far as it can be told without starting one.

    Raises:
        StartError: TLS files that cannot be served, an issuer whose keys can never be had, an address to listen on
            that is none of this machine, or a database that was copied to PostgreSQL.
    """
    if config.tls_cert and (trouble := tls_trouble(config.tls_cert, config.tls_key)):
        raise StartError(trouble)
    check_beyond_tls(config)
    if not config.database and (trouble := moved_trouble(Path(config.data))):
        raise StartError(trouble)


def check_beyond_tls(config: Config) -> None:
    """The same without TLS, of which `doctor` has more to say.

    Raises:
        StartError: as above.
    """
    IssuerKeys(config.issuers)
    check_host(config)
