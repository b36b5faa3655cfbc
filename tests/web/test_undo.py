"""What was done can be taken back, and what the server refuses takes itself back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from inbox.people import eventually
from web.people import Reader
from web.screen import Screen


@pytest.fixture
def screen(reader: Reader, window: Callable[..., Screen]) -> Screen:
    return with_four(reader, window(reader))


def with_four(reader: Reader, screen: Screen) -> Screen:
    for title in ("one", "two", "three", "four"):
        reader.sent(title)
    screen.shows("four", "three", "two", "one")
    return screen


def test_undo_of_a_dismissal_by_button(screen: Screen, reader: Reader) -> None:
    screen.do("three", "dismiss")
    screen.shows("four", "two", "one")
    screen.unread("four", "two", "one")
    screen.page.locator("[data-act=undo]").click()
    screen.shows("four", "three", "two", "one")
    screen.unread("four", "three", "two", "one")
    expect(screen.page.locator(".snack")).to_have_count(0)
    expect(screen.page.locator(".row.unread")).to_have_count(4)
    assert eventually(lambda: reader.unread() == {"info": 4})


def test_undo_of_many_at_once(screen: Screen, reader: Reader) -> None:
    screen.rows.first.locator(".main").focus()
    screen.press("Control+a", "e")
    screen.shows()
    screen.press("Control+z")
    screen.shows("four", "three", "two", "one")
    screen.unread("four", "three", "two", "one")
    assert eventually(lambda: len(reader.titles(dismissed="false")) == 4)


def test_undo_of_reading_all(screen: Screen, reader: Reader) -> None:
    screen.page.locator("[data-act=readAll]").click()
    screen.unread()
    screen.page.locator("[data-act=undo]").click()
    screen.unread("four", "three", "two", "one")
    assert eventually(lambda: reader.unread() == {"info": 4})


def test_a_swipe_dismisses(reader: Reader, window: Callable[..., Screen]) -> None:
    reader.sent("stays")
    reader.sent("goes")
    screen = window(reader, viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    screen.shows("goes", "stays")
    swipe(screen, "stays", 40)
    screen.shows("goes", "stays")
    swipe(screen, "goes", 250)
    screen.shows("stays")
    assert eventually(lambda: reader.titles(dismissed="true") == ["goes"])


def swipe(screen: Screen, title: str, by: int) -> None:
    """A finger goes over a row."""
    box = screen.row(title).bounding_box()
    assert box
    touch = screen.context.new_cdp_session(screen.page)
    x, y = box["x"] + 60, box["y"] + box["height"] / 2
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 9):
        at = {"x": x + by * step / 8, "y": y}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [at]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_what_does_not_get_through_is_taken_back(screen: Screen, reader: Reader) -> None:
    screen.context.set_offline(True)
    screen.do("three", "dismiss")
    expect(screen.page.locator(".snack.refused")).to_contain_text("the server cannot be reached")
    screen.shows("four", "three", "two", "one")
    screen.context.set_offline(False)
    screen.until_live()
    screen.unread("four", "three", "two", "one")
    assert eventually(lambda: reader.unread() == {"info": 4})


def test_what_is_done_is_shown_before_the_server_has_answered(reader: Reader, window: Callable[..., Screen]) -> None:
    # A service worker that takes the page over just then may carry what it asks past whoever holds it.
    screen = with_four(reader, window(reader, service_workers="block"))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    screen.page.route("**/dismissal", hold)
    screen.do("three", "dismiss")
    screen.shows("four", "two", "one")
    expect(screen.page.locator("[data-act=undo]")).to_be_visible()
    screen.until(lambda: bool(held))
    for route in held:
        route.abort()
    expect(screen.page.locator(".snack.refused")).to_be_visible()
    screen.shows("four", "three", "two", "one")


def test_what_must_be_acknowledged_first_cannot_be_dismissed(reader: Reader, window: Callable[..., Screen]) -> None:
    reader.sent("stays", dismissible=False)
    screen = window(reader)
    screen.row("stays").hover()
    expect(screen.button("stays", "dismiss")).to_have_count(0)
    screen.do("stays", "acknowledge")
    screen.do("stays", "dismiss")
    screen.shows()
