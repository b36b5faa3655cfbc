"""Texts by strangers on a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest

from tocsin.cli.terminal import plain, plain_json


@pytest.fixture(scope="module")
def every_control() -> list[str]:
    """Looked for when it is needed: each worker reads this file, and one runs it."""
    wanted = ("Cc", "Cf", "Zl", "Zp", "Cs")
    return [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in wanted]


def test_no_control_character_is_left(every_control: list[str]) -> None:
    shown = plain("".join(every_control))

    # The two joiners hold emoji and scripts together and move nothing.
    assert [c for c in shown if not c.isprintable() and c not in "\u200c\u200d"] == []


def test_in_json_they_are_escaped_and_mean_the_same(every_control: list[str]) -> None:
    # Apart, or two halves of a surrogate pair would rightly become one letter.
    every = "-".join(every_control)
    value = {every: [every, "ü 語 🔔"]}
    shown = plain_json(json.dumps(value, ensure_ascii=False))

    assert [c for c in shown if not c.isprintable() and c not in "\u200c\u200d"] == []
    assert json.loads(shown) == value
    assert "ü 語 🔔" in shown


@pytest.mark.parametrize("text", ["plain", "Grüße", "日本語", "👩‍🔧", "שלום", "مرحبا", "a\u0301"])
def test_what_people_write_stays(text: str) -> None:
    assert plain(text) == text


def test_line_breaks_stay_only_where_lines_are_meant() -> None:
    assert plain("a\nb\r\n") == "a\\x0ab\\x0d\\x0a"
    assert plain("a\nb\r\n", lines=True) == "a\nb\\x0d\n"
