"""Links that no browser can open are refused, and those that one can are taken: held against a real parser."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from harness.http import Http
from harness.server import Server
from send.posting import fields, post

OPENED = [
    "http://example.org",
    "HTTPS://Example.org:65535/a b?c=<d>#e",
    "http://user:pass@example.org:80/",
    "http://ex%61mple.org",
    "http://[::1]:8000/",
    "http://[2001:db8::1]",
    "http://user@[::1]:/",
    "http://127.1/",
    "http://0x7f.1",
    "http://4294967295",
    "http://1.2.3.4.",
    "http://b\u00fccher.example/\u00fc",
    "http://\u2603.net",
    "https://fa.example/\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "https://example.org/\U0001f468\u200d\U0001f469",
    "http://a_b.example",
    "http://example.org:",
    "http://1.example",
]
NEVER_OPENED = [
    "http://",
    "https://[bad",
    "https://[bad]",
    "https://[::1%25eth0]",
    "https://[v1.x]",
    "http://exa mple",
    "http://exa%20mple",
    "http://exa%zzmple",
    "http://exa<mple",
    "http://exa|mple",
    "http://exa^mple",
    "http://a:b",
    "http://example.org:65536",
    "http://user@",
    "http://:80",
    "http://1.2.3.999",
    "http://1.2.3.4.5",
    "http://a.0x1",
    "http://08",
    "http://4294967296",
    "http://evil.example[::1]",
    "http://[::1]evil.example",
    "http://[::1]:80[::1]",
]
BROWSER = "console.log(JSON.stringify(JSON.parse(process.argv[1]).map((url) => URL.canParse(url))))"


def test_control_a_browsers_parser_says_the_same() -> None:
    ran = subprocess.run(
        ["node", "--eval", BROWSER, json.dumps(OPENED + NEVER_OPENED)], capture_output=True, check=True
    )
    said: list[bool] = json.loads(ran.stdout)
    differ = [url for url, able in zip(OPENED + NEVER_OPENED, said, strict=True) if able != (url in OPENED)]
    assert differ == []


@pytest.mark.parametrize("field", ["url", "icon"])
def test_a_link_is_taken_only_if_a_browser_can_open_it(dev: Server, field: str) -> None:
    client = Http(dev.url, key=dev.service().key, keep=True)

    def answer(url: str) -> tuple[int, str]:
        given: Any = post(dev, fields(**{field: url}), client=client)
        return given.status, given.json.get("error", "").partition(":")[0]

    for url in ("mailto:ops@example.org", "tel:+1-555"):
        # No picture is at the end of these.
        assert answer(url) == ((200, "") if field == "url" else (422, "icon"))
    assert {url: answer(url) for url in OPENED} == dict.fromkeys(OPENED, (200, ""))
    assert {url: answer(url) for url in NEVER_OPENED} == dict.fromkeys(NEVER_OPENED, (422, field))
