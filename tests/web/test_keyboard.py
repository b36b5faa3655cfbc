"""Everything can be done with the keyboard alone, and what has the focus can be seen."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen

FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at;
}"""


AROUND = "at, at.closest('.slide'), at.nextElementSibling, at.closest('label')"
OUTLINED = "getComputedStyle(one).outlineStyle !== 'none' && parseFloat(getComputedStyle(one).outlineWidth) >= 2"


def focused(screen: Screen, what: str) -> str:
    return str(screen.page.evaluate(f"() => {{ const at = ({FOCUSED})(); return String({what}); }}"))


def focused_title(screen: Screen) -> str:
    return focused(screen, "at.closest('.row')?.querySelector('.title').textContent")


def test_keyboard_alone_from_signing_in_to_signing_out(
    dev: Server, reader: Reader, new_screen: Callable[..., Screen]
) -> None:
    for title in ("one", "two", "three", "four", "five"):
        reader.sent(title)
    screen = new_screen(dev).open()
    expect(screen.page.locator("input[name=name]")).to_be_focused()
    screen.page.keyboard.type(reader.id)
    screen.press("Tab")
    screen.page.keyboard.type(reader.password)
    screen.press("Enter")
    screen.until_live()
    screen.shows("five", "four", "three", "two", "one")

    # By the link that is first, to the list.
    screen.press("Tab")
    assert focused(screen, "at.className") == "skip"
    screen.press("Enter")
    assert focused_title(screen) == "five"

    screen.press("ArrowDown", "j")
    assert focused_title(screen) == "three"
    screen.press("Enter")
    expect(screen.page.locator(".whole h2")).to_have_text("three")
    screen.unread("five", "four", "two", "one")
    screen.press("u")
    screen.unread("five", "four", "three", "two", "one")
    screen.press("Escape")
    expect(screen.page.locator(".whole")).to_have_count(0)
    assert focused_title(screen) == "three"

    screen.press("e")
    screen.shows("five", "four", "two", "one")
    assert focused_title(screen) == "two"
    screen.press("z")
    screen.shows("five", "four", "three", "two", "one")

    screen.press("Home", "x", "ArrowDown", "x")
    expect(screen.page.locator(".selection strong")).to_have_text("2 selected")
    screen.press("Delete")
    screen.shows("three", "two", "one")
    screen.press("End")
    assert focused_title(screen) == "one"
    screen.press("Shift+M")
    screen.unread()

    screen.press("/")
    assert focused(screen, "at.type") == "search"
    screen.page.keyboard.type("thr")
    screen.shows("three")
    screen.press("Escape")
    screen.shows("three", "two", "one")
    screen.press("ArrowDown")
    assert focused_title(screen) == "three"

    # All that is in a row can be come to from it.
    screen.press("Tab")
    assert focused(screen, "at.dataset.do") == "unread"
    screen.press("Enter")
    screen.unread("three")

    screen.press(*["Shift+Tab"] * 2)
    while not focused(screen, "at.className").endswith("who"):
        assert not at_body(screen)
        screen.press("Shift+Tab")
    screen.press("Enter")
    expect(screen.page.locator("tocsin-account [data-act=out]")).to_be_visible()
    screen.press("Tab", "Tab")
    assert focused(screen, "at.dataset.act") == "out"
    screen.press("Enter")
    expect(screen.page.locator("input[name=name]")).to_be_focused()


def test_preferences_by_keyboard(reader: Reader, window: Callable[..., Screen]) -> None:
    screen = window(reader)
    screen.page.get_by_role("button", name="Preferences").focus()
    screen.press("Enter")
    dialog = screen.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    screen.page.get_by_role("radio", name="System").focus()
    screen.press("ArrowRight", "ArrowRight")
    expect(screen.page.locator("html")).to_have_attribute("data-theme", "dark")
    screen.press("Tab", "ArrowRight")
    expect(screen.page.locator("tocsin-inbox")).to_have_attribute("density", "compact")
    screen.press("Escape")
    expect(dialog).to_be_hidden()
    assert "Preferences" in focused(screen, "at.textContent")
    screen.page.reload()
    expect(screen.page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(screen.page.locator("tocsin-inbox")).to_have_attribute("theme", "dark")


def test_what_has_the_focus_is_outlined(reader: Reader, window: Callable[..., Screen]) -> None:
    reader.sent("a row")
    screen = window(reader)
    screen.shows("a row")
    seen = set()
    for _ in range(24):
        screen.press("Tab")
        name = focused(screen, "at.className + ' ' + at.textContent.trim().slice(0, 20)")
        seen_well = focused(screen, f"[{AROUND}].some((one) => one && {OUTLINED})")
        assert at_body(screen) or seen_well == "true", name
        seen.add(name)
    assert len(seen) > 10


def at_body(screen: Screen) -> bool:
    return focused(screen, "at === document.body") == "true"


def test_letters_typed_into_a_field_are_letters(reader: Reader, window: Callable[..., Screen]) -> None:
    reader.sent("xenon")
    screen = window(reader)
    screen.shows("xenon")
    screen.press("Tab")
    screen.page.locator("input[type=search]").focus()
    screen.page.keyboard.type("xe")
    expect(screen.page.locator("input[type=search]")).to_have_value("xe")
    screen.shows("xenon")
    expect(screen.page.locator(".selection")).to_have_count(0)
