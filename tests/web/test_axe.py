"""axe-core finds nothing on any view: light and dark, wide, at 320 px, and at 200 % zoom."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen


def fill(reader: Reader) -> None:
    for kind in ("info", "success", "warning", "error"):
        reader.sent(f"of type {kind}", type=kind, message="a message " * 30, deviceId="device123", metadata={"a": [1]})
    reader.sent("stays", dismissible=False, url="https://example.org/x", tags=["a", "b"])


def test_axe_finds_nothing_at_the_door(dev: Server, new_screen: Callable[..., Screen]) -> None:
    screen = new_screen(dev).open()
    expect(screen.page.locator("input[name=name]")).to_be_focused()
    screen.is_clean_in_every_look()
    screen.press("Enter")
    expect(screen.page.locator("#name-problem")).not_to_be_empty()
    screen.is_clean_in_every_look()


def test_axe_finds_nothing_in_the_inbox(reader: Reader, window: Callable[..., Screen]) -> None:
    screen = window(reader)
    expect(screen.page.locator(".empty")).to_be_visible()
    screen.is_clean_in_every_look()
    fill(reader)
    # Of an error the toast stays.
    expect(screen.page.locator(".toast.error")).to_be_visible()
    screen.is_clean_in_every_look()
    # Without the toast, which would lie over what is clicked.
    screen.page.reload()
    screen.row("of type error").locator(".main").click()
    expect(screen.page.locator(".whole")).to_be_visible()
    screen.page.locator(".data summary").click()
    screen.is_clean_in_every_look()


def test_axe_finds_nothing_where_there_is_nothing_to_see(reader: Reader, window: Callable[..., Screen]) -> None:
    """Nothing is found, the network is cut, and what was tried did not get through."""
    reader.sent("a row")
    screen = window(reader)
    screen.row("a row").hover()
    screen.context.set_offline(True)
    expect(screen.page.locator(".state")).to_contain_text("Offline")
    screen.page.get_by_label("Search titles and messages").fill("nowhere")
    expect(screen.page.locator(".instead.problem")).to_be_visible()
    screen.is_clean_in_every_look()
    screen.context.set_offline(False)
    screen.until_live()
    expect(screen.page.locator(".instead")).to_contain_text("Nothing matches.")
    screen.is_clean_in_every_look()


def test_axe_finds_nothing_in_selection_account_and_preferences(reader: Reader, window: Callable[..., Screen]) -> None:
    fill(reader)
    screen = window(reader)
    screen.rows.first.locator(".main").focus()
    screen.press("ArrowDown", "x", "ArrowDown", "x")
    expect(screen.page.locator(".selection")).to_be_visible()
    screen.is_clean_in_every_look()
    screen.press("Escape")
    for _ in screen.looks():
        # It can be undone for ten seconds, which an examination may take on a busy machine: so it is done anew.
        screen.press("e")
        expect(screen.page.locator(".snack")).to_be_visible()
        screen.is_clean()
        screen.press("z")
        expect(screen.page.locator(".snack")).to_have_count(0)
    screen.page.locator(".top .who").click()
    expect(screen.page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    screen.is_clean_in_every_look()
    screen.page.get_by_role("button", name="Change the password").click()
    expect(screen.page.get_by_role("dialog", name="Preferences")).to_be_visible()
    screen.is_clean_in_every_look()


def test_axe_finds_nothing_in_an_emergency(reader: Reader, window: Callable[..., Screen]) -> None:
    screen = window(reader)
    reader.sent("Fire", type="emergency", message="in hall 3", deviceId="device123")
    expect(screen.page.get_by_role("alertdialog")).to_be_visible()
    screen.is_clean_in_every_look()


def test_axe_sees_what_is_wrong(reader: Reader, window: Callable[..., Screen]) -> None:
    """In every look: a button without a name in the light, and a colour that cannot be read in the dark."""
    reader.sent("a row")
    screen = window(reader)
    screen.shows("a row")
    screen.page.evaluate("""() => { const button = document.createElement("button"); document.body.append(button); }""")
    screen.page.locator(".row .message").evaluate("(one) => { one.style.color = 'light-dark(black, #333)'; }")
    screen.page.locator(".toolbar").evaluate(
        "(one) => { one.style.minWidth = '500px'; document.body.style.minWidth = '500px'; }"
    )
    found: dict[str, list[str]] = {look: screen.complaints() for look in screen.looks()}
    for look, complaints in found.items():
        wanted = "color-contrast" if "dark" in look else "button-name"
        assert any(wanted in line for line in complaints), look
        assert any("stick out" in line for line in complaints) is ("320" in look), look
