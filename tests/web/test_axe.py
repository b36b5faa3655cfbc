"""axe-core finds nothing on any view: light and dark, wide, at 320 px, and at 200 % zoom."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen

SIZES = {
    "wide": {"viewport": {"width": 1280, "height": 800}},
    "320": {"viewport": {"width": 320, "height": 640}},
    # A window of 1280 by 800 at 200 %: half as many pixels of CSS, each twice as large.
    "zoomed": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
}


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=SIZES)
def look(request: pytest.FixtureRequest, scheme: str) -> dict[str, object]:
    return {**SIZES[request.param], "color_scheme": scheme}


def fill(reader: Reader) -> None:
    for kind in ("info", "success", "warning", "error"):
        reader.sent(f"of type {kind}", type=kind, message="a message " * 30, deviceId="device123", metadata={"a": [1]})
    reader.sent("stays", dismissible=False, url="https://example.org/x", tags=["a", "b"])


def clean(screen: Screen) -> None:
    assert screen.axe() == []
    wider = screen.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0, f"{wider} px stick out"


def test_axe_finds_nothing_at_the_door(dev: Server, new_screen: Callable[..., Screen], look: dict[str, object]) -> None:
    screen = new_screen(dev, **look).open()
    expect(screen.page.locator("input[name=name]")).to_be_focused()
    clean(screen)
    screen.press("Enter")
    expect(screen.page.locator("#name-problem")).not_to_be_empty()
    clean(screen)


def test_axe_finds_nothing_in_the_inbox(reader: Reader, window: Callable[..., Screen], look: dict[str, object]) -> None:
    screen = window(reader, **look)
    expect(screen.page.locator(".empty")).to_be_visible()
    clean(screen)
    fill(reader)
    expect(screen.rows).not_to_have_count(0)
    clean(screen)
    screen.row("of type error").locator(".main").click()
    expect(screen.page.locator(".whole")).to_be_visible()
    screen.page.locator(".data summary").click()
    clean(screen)


def test_axe_finds_nothing_in_selection_and_preferences(
    reader: Reader, window: Callable[..., Screen], look: dict[str, object]
) -> None:
    fill(reader)
    screen = window(reader, **look)
    screen.rows.first.locator(".main").focus()
    screen.press("x", "ArrowDown", "x")
    expect(screen.page.locator(".selection")).to_be_visible()
    clean(screen)
    screen.press("e")
    expect(screen.page.locator(".snack")).to_be_visible()
    clean(screen)
    screen.page.get_by_role("button", name="Preferences").click()
    screen.page.get_by_text("Change the password").first.click()
    clean(screen)


def test_axe_finds_nothing_in_an_emergency(
    reader: Reader, window: Callable[..., Screen], look: dict[str, object]
) -> None:
    screen = window(reader, **look)
    reader.sent("Fire", type="emergency", message="in hall 3", deviceId="device123")
    expect(screen.page.get_by_role("alertdialog")).to_be_visible()
    clean(screen)


def test_axe_sees_what_is_wrong(reader: Reader, window: Callable[..., Screen]) -> None:
    screen = window(reader)
    screen.page.evaluate("""() => { const button = document.createElement("button"); document.body.append(button); }""")
    assert any("button-name" in line for line in screen.axe())
