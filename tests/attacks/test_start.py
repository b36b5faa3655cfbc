"""A server that is started in odd surroundings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.command import tocsin
from harness.server import Server


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_server_without_a_standard_stream_runs_and_stops(start_server: Callable[..., Server], closed: str) -> None:
    """Its sockets must not come by the numbers of what is closed."""
    server = start_server(wrap=["sh", "-c", f'exec "$@" {closed}', "sh"])
    assert server.service().send("heard").status == 200
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TOCSIN_LIMITS__WRITER_QUEUE", "0"),
        ("TOCSIN_LIMITS__STREAMS_PER_USER", "-5"),
        ("TOCSIN_RETENTION__DAYS", "-1"),
        ("TOCSIN_DRAIN_SECONDS", "-1"),
        ("TOCSIN_DRAIN_SECONDS", "nan"),
        ("TOCSIN_PORT", "65536"),
        ("TOCSIN_BASE_URL", "not a url"),
        ("TOCSIN_ORIGINS", "https://a.example/"),
        ("TOCSIN_DATA", ""),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_its_name(tmp_path: Path, variable: str, value: str) -> None:
    data = {} if variable == "TOCSIN_DATA" else {"TOCSIN_DATA": str(tmp_path)}
    ran = tocsin("config", "check", env={**data, variable: value})
    assert ran.status == 2, ran.out
    name = variable.removeprefix("TOCSIN_").lower().replace("__", ".")
    assert variable in ran.err or f"{name}:" in ran.err
