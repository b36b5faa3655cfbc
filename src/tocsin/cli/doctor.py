"""`tocsin doctor`: what is wrong with an installation, and what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click

from tocsin.cli import exits
from tocsin.cli.config import data_option, dev_option
from tocsin.cli.session import as_json
from tocsin.cli.terminal import plain, show_json

_MARKS = {"good": "ok  ", "note": "note", "warning": "WARN", "problem": "FAIL"}
_COLOURS = {"warning": "yellow", "problem": "red"}


@click.command()
@data_option
@dev_option
@click.option("--url", envvar="TOCSIN_URL", show_envvar=True, help="Ask this server, too, whether it is ready.")
@as_json
def doctor(**given: Any) -> None:
    """Look for what is wrong with an installation.

    Looks at the settings, the data folder, the database and the TLS files, and changes nothing. The database is read
    through only while no server runs on it; a running server is asked whether it is ready.

    Exit status: 0 when there is no problem (there may be warnings), 1 when there is one.
    """
    # Here and not above: it brings the database and the cryptography, which no other command needs.
    from tocsin.cli.examinations import examine
    from tocsin.cli.finding import Finding

    findings: list[Finding] = []
    for finding in _told(examine({"data": given["data"], "dev": given["dev"]}, given["url"]), as_json=given["as_json"]):
        findings.append(finding)
    healthy = all(finding.grade != "problem" for finding in findings)
    if given["as_json"]:
        show_json({"ok": healthy, "findings": [finding._asdict() for finding in findings]})
    sys.exit(exits.OK if healthy else exits.FAILED)


def _told(findings: Iterator[Any], *, as_json: bool) -> Iterator[Any]:
    # One by one: reading a large database through takes a while.
    for finding in findings:
        if not as_json:
            mark = click.style(_MARKS[finding.grade], fg=_COLOURS.get(finding.grade))
            click.echo(f"{mark}  {finding.about:<12}  {plain(finding.sentence)}")
        yield finding
