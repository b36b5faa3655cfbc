"""The views at which one stands before: nobody is signed in, nobody answers, or one may not come in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen


def test_a_first_visit_leaves_nothing_in_the_console(dev: Server, new_screen: Callable[..., Screen]) -> None:
    screen = new_screen(dev)
    heard: list[str] = []
    screen.page.on("console", lambda message: heard.append(message.text))
    screen.page.on("requestfailed", lambda request: heard.append(request.url))
    for path in ("/", "/admin"):
        screen.open(path)
        expect(screen.page.locator("input[name=name]")).to_be_focused()
    assert heard == []


@pytest.mark.parametrize("path", ["/", "/admin"])
def test_axe_finds_nothing_where_the_server_cannot_be_reached(
    dev: Server, new_screen: Callable[..., Screen], path: str
) -> None:
    screen = new_screen(dev, service_workers="block")
    page = screen.page
    page.route("**/api/session*", lambda route: route.abort())
    screen.open(path)
    expect(page.get_by_text("the server cannot be reached")).to_be_visible()
    screen.is_clean_in_every_look()
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("input[name=name]")).to_be_focused()
    if path == "/":
        page.route("**/api/session*", lambda route: route.abort())
        screen.page.keyboard.type("somebody")
        screen.press("Tab")
        screen.page.keyboard.type("a password")
        screen.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("the server cannot be reached")
        screen.is_clean_in_every_look()


def test_axe_finds_nothing_at_the_doors_of_the_admin_pages(
    dev: Server, reader: Reader, new_screen: Callable[..., Screen]
) -> None:
    screen = new_screen(dev).sign_in(reader).open("/admin")
    expect(screen.page.locator("main h1")).to_have_text("For superusers only")
    screen.is_clean_in_every_look()
    # As somebody else, whose session ends while they are at it.
    admin = Reader(dev, superuser=True)
    screen.sign_in(admin)
    screen.page.goto(f"{dev.url}/admin#/users/{admin.id}")
    screen.page.reload()
    expect(screen.page.locator("main h1")).to_have_text(admin.id)
    assert dev.service().put(f"/api/users/{admin.id}", {"superuser": True, "disabled": True}).status == 200
    screen.page.get_by_role("button", name="Save").click()
    expect(screen.page.locator(".notice")).to_contain_text("What you were doing is still there")
    screen.is_clean_in_every_look()
