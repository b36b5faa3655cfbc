"""In a language from right to left, everything is said in it and stands the other way round."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen

WEB = Path(__file__).parents[2] / "src" / "tocsin" / "web"
TEXTS = {path.stem: json.loads(path.read_text()) for path in (WEB / "texts").glob("*.json")}
PAGES = ("", "look-up", "sent", "refusals", "send", "streams", "users", "keys", "apps", "devices", "audit")
PLURALS = {"en": {"one", "other"}, "ar": {"one", "two", "few", "many", "other"}}


def test_the_page_stands_the_other_way_round(reader: Reader, window: Callable[..., Screen]) -> None:
    reader.sent("Pressure is rising", message="Pump 4 reports 5.8 bar", type="warning")
    screen = window(reader, locale="ar")
    page = screen.page
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(screen.row("Pressure").locator(".word")).to_have_text(TEXTS["ar"]["warning"])
    badge, words = screen.row("Pressure").locator(".badge"), screen.row("Pressure").locator(".title")
    assert left(badge) > left(words)
    time = screen.row("Pressure").locator("time")
    assert left(time) < left(badge)
    assert left(page.locator(".left")) > left(page.locator(".right"))
    # What was sent in another direction is not turned round in it.
    box = screen.row("Pressure").locator(".title bdi").evaluate("(one) => getComputedStyle(one).textAlign")
    assert box == "right"
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name=TEXTS["ar"]["preferences"]).click()
    page.get_by_label(TEXTS["ar"]["language"]).select_option("en")
    expect(page.locator("html")).to_have_attribute("dir", "ltr")
    expect(screen.row("Pressure").locator(".word")).to_have_text("Warning")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_axe_finds_nothing_from_right_to_left(reader: Reader, window: Callable[..., Screen]) -> None:
    reader.sent("Pressure is rising", type="warning", deviceId="device123", tags=["a"], metadata={"a": [1]})
    screen = window(reader, locale="ar")
    expect(screen.rows).to_have_count(1)
    stands(screen)
    screen.rows.first.locator(".main").click()
    screen.page.locator(".data summary").click()
    stands(screen)
    screen.press("Escape")
    screen.page.get_by_role("button", name=TEXTS["ar"]["preferences"]).click()
    stands(screen)


def stands(screen: Screen) -> None:
    """In every size; colours are the same from left to right."""
    found = {look: screen.complaints() for look in screen.looks() if "light" in look}
    assert [complaints for complaints in found.values() if complaints] == [], found


def test_nothing_sticks_out_of_the_admin_pages_from_right_to_left(
    dev: Server, reader: Reader, new_screen: Callable[..., Screen]
) -> None:
    """What axe looks at is the same as from left to right; where things are is not."""
    id_ = reader.sent("Pressure is rising" * 10, message="m" * 400, type="warning", deviceId="d" * 128, tags=["a" * 64])
    screen = new_screen(dev, locale="ar", viewport={"width": 320, "height": 640})
    screen.sign_in(Reader(dev, superuser=True)).open("/admin")
    for name in (*PAGES, f"users/{reader.id}", "apps/demo-app", f"look-up/{id_}", f"look-up?user={reader.id}"):
        screen.page.goto(f"{dev.url}/admin#/{name}")
        expect(screen.page.locator("main h1")).to_be_visible()
        expect(screen.page.locator("main [aria-busy=true]")).to_have_count(0)
        assert screen.page.evaluate("() => document.documentElement.scrollWidth") == 320, name


def left(of: Locator) -> float:
    box = of.bounding_box()
    assert box
    return float(box["x"])


@pytest.mark.parametrize("language", TEXTS)
def test_every_language_says_everything(language: str) -> None:
    english, texts = TEXTS["en"], TEXTS[language]
    assert texts.keys() == english.keys()
    for key, text in texts.items():
        forms = text if isinstance(text, dict) else {"other": text}
        assert isinstance(text, dict) is isinstance(english[key], dict), key
        if isinstance(text, dict):
            assert PLURALS[language] <= forms.keys() | ({"one", "two"} if language == "ar" else set()), key
        wanted = set(re.findall(r"\{\w+\}", english[key]["other"] if isinstance(english[key], dict) else english[key]))
        assert set(re.findall(r"\{\w+\}", forms["other"])) == wanted, key


def test_what_the_pages_say_is_in_the_texts() -> None:
    said = set()
    for path in [*WEB.glob("app/*.js"), *WEB.glob("inbox/*.js"), *WEB.glob("element/*.js")]:
        said |= set(re.findall(r"\btexts\.say\(\"([\w-]+)\"", path.read_text()))
    assert len(said) > 50
    assert said - TEXTS["en"].keys() == set()
