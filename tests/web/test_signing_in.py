"""The door: two fields, and whoever gets something wrong is told where and loses nothing."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen


def test_enter_signs_in(dev: Server, reader: Reader, new_screen: Callable[..., Screen]) -> None:
    screen = new_screen(dev).open()
    page = screen.page
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill(reader.id)
    page.get_by_label("Password").fill(reader.password)
    screen.press("Enter")
    screen.until_live()
    page.reload()
    screen.until_live()


def test_what_is_missing_or_wrong_is_told_at_its_field(
    dev: Server, reader: Reader, new_screen: Callable[..., Screen]
) -> None:
    screen = new_screen(dev).open()
    page = screen.page
    expect(page.get_by_label("Name")).to_be_focused()
    screen.press("Enter")
    expect(page.locator("#name-problem")).to_have_text("Enter your name.")
    expect(page.locator("#password-problem")).to_have_text("Enter your password.")
    expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill(reader.id)
    page.get_by_label("Password").fill("not it")
    screen.press("Enter")
    expect(page.locator("#password-problem")).to_have_text("Name and password do not belong together.")
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value(reader.id)
    expect(page.get_by_label("Password")).to_have_value("not it")


def test_a_server_that_is_away_is_told_and_nothing_is_lost(
    dev: Server, reader: Reader, new_screen: Callable[..., Screen]
) -> None:
    screen = new_screen(dev).open()
    screen.page.get_by_label("Name").fill(reader.id)
    screen.page.get_by_label("Password").fill(reader.password)
    screen.context.set_offline(True)
    screen.press("Enter")
    expect(screen.page.get_by_role("alert")).to_contain_text("the server cannot be reached")
    expect(screen.page.get_by_label("Password")).to_have_value(reader.password)
    screen.context.set_offline(False)
    screen.press("Enter")
    screen.until_live()


def test_a_changed_password_is_told_at_its_field_and_ends_the_other_windows(
    reader: Reader, window: Callable[..., Screen]
) -> None:
    one, other = window(reader), window(reader)
    page = one.page
    page.get_by_role("button", name=f"Signed in as {reader.id}").click()
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_label("Current password")).to_be_focused()
    page.get_by_label("Current password").fill("not it")
    page.get_by_label("New password").fill("a new and long passphrase")
    one.press("Enter")
    expect(page.locator("#current-problem")).to_have_text("That is not your current password.")
    expect(page.get_by_label("New password")).to_have_value("a new and long passphrase")
    page.get_by_label("Current password").fill(reader.password)
    page.get_by_label("New password").fill("")
    one.press("Enter")
    expect(page.locator("#new-problem")).to_have_text("Enter a new password.")
    page.get_by_label("New password").fill("a new and long passphrase")
    one.press("Enter")
    expect(page.get_by_role("status").filter(has_text="changed")).to_be_visible()
    expect(other.page.get_by_text("You are signed out.")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    one.until_live()


def test_who_is_signed_in_is_named_and_signs_out_of_this_window(reader: Reader, window: Callable[..., Screen]) -> None:
    one, other = window(reader), window(reader)
    expect(one.page.locator(".top .who")).to_have_text(reader.id)
    one.page.locator(".top .who").click()
    out = one.page.get_by_role("button", name="Sign out", exact=True)
    one.context.set_offline(True)
    out.click()
    expect(one.page.locator("tocsin-account").get_by_role("alert")).to_have_text("the server cannot be reached")
    one.context.set_offline(False)
    out.click()
    expect(one.page.locator("input[name=password]")).to_be_visible()
    reader.sent("for who is still there")
    other.shows("for who is still there")


def test_signing_out_everywhere_closes_every_window(reader: Reader, window: Callable[..., Screen]) -> None:
    one, other = window(reader), window(reader)
    one.page.get_by_role("button", name=f"Signed in as {reader.id}").click()
    one.page.get_by_role("button", name="Sign out everywhere").click()
    for screen in (one, other):
        expect(screen.page.locator("input[name=password]")).to_be_visible()


def test_superusers_find_the_way_to_the_admin_pages(dev: Server, window: Callable[..., Screen]) -> None:
    expect(window(Reader(dev, superuser=True)).page.get_by_role("link", name="Admin")).to_have_attribute(
        "href", "admin"
    )
    expect(window(Reader(dev)).page.get_by_role("link", name="Admin")).to_have_count(0)
