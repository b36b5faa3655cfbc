"""What is told besides being shown: to listeners once, in the title, by toasts, by an emergency."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from inbox.people import eventually
from web.people import Reader
from web.screen import Screen

LISTEN = """(inbox) => {
  globalThis.said = [];
  for (const region of inbox.shadowRoot.querySelectorAll("[role=status], [role=alert]")) {
    new MutationObserver(() => {
      const text = region.textContent.trim();
      if (text) globalThis.said.push(`${region.getAttribute("role")}: ${text}`);
    }).observe(region, { childList: true, characterData: true, subtree: true });
  }
}"""


def said(screen: Screen) -> list[str]:
    return list(screen.page.evaluate("() => globalThis.said"))


def until_said(screen: Screen, count: int) -> list[str]:
    screen.page.wait_for_function("(count) => globalThis.said.length >= count", arg=count)
    return said(screen)


def test_live_regions_announce_once(reader: Reader, window: Callable[..., Screen]) -> None:
    screen = window(reader)
    screen.page.clock.install()
    screen.page.locator("tocsin-inbox").evaluate(LISTEN)
    reader.sent("Backup finished", message="12 GB", type="success")
    assert until_said(screen, 1) == ["status: Success: Backup finished. 12 GB"]
    reader.sent("Action failed", message="timeout", type="error")
    assert until_said(screen, 2)[1:] == ["alert: Error: Action failed. timeout"]
    screen.do("Action failed", "dismiss")
    assert until_said(screen, 3)[2:] == ["status: Dismissed"]
    # Many at once are one sentence, and a reload says nothing of what was there.
    results = reader.server.service().post(
        "/api/notifications/batch", [{"title": f"t{at}", "message": "m", "userId": reader.id} for at in range(7)]
    )
    assert results.status == 200
    assert until_said(screen, 4)[3:] == ["status: 7 new notifications"]
    # Whatever would be said twice has had its time.
    screen.page.clock.run_for(5_000)
    assert len(said(screen)) == 4
    screen.page.reload()
    screen.until_live()
    screen.page.locator("tocsin-inbox").evaluate(LISTEN)
    screen.page.clock.run_for(5_000)
    assert said(screen) == []


def test_the_title_and_the_icon_count_what_is_unread(reader: Reader, window: Callable[..., Screen]) -> None:
    screen = window(reader)
    icon = screen.page.locator("link[rel=icon]")
    expect(screen.page).to_have_title("Tocsin")
    for at in range(3):
        reader.sent(f"number {at}")
    expect(screen.page).to_have_title("(3) Tocsin")
    assert str(icon.get_attribute("href")).endswith("/favicon/3.svg")
    screen.row("number 1").click()
    expect(screen.page).to_have_title("(2) Tocsin")
    for at in range(9):
        reader.sent(f"another {at}")
    expect(screen.page).to_have_title("(11) Tocsin")
    assert str(icon.get_attribute("href")).endswith("/favicon/more.svg")


def test_toasts_go_by_themselves_and_errors_stay(reader: Reader, window: Callable[..., Screen]) -> None:
    screen = window(reader)
    screen.page.clock.install()
    screen.page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    for kind in ("success", "info", "error"):
        reader.sent(f"of {kind}", type=kind)
    toasts = screen.page.locator(".toast .title")
    expect(toasts).to_have_text(["of success", "of info", "of error"])
    screen.page.clock.run_for(3_100)
    expect(toasts).to_have_text(["of info", "of error"])
    screen.page.clock.run_for(1_100)
    expect(toasts).to_have_text(["of error"])
    screen.page.clock.run_for(60_000)
    expect(toasts).to_have_text(["of error"])
    screen.page.locator(".toast .main").click()
    expect(toasts).to_have_count(0)
    expect(screen.page.locator(".whole h2")).to_have_text("of error")


def test_an_emergency_takes_the_screen_until_it_is_acknowledged_anywhere(
    reader: Reader, window: Callable[..., Screen]
) -> None:
    one, other = window(reader), window(reader)
    reader.sent("Fire in hall 3", message="Leave the building.", type="emergency")
    for screen in (one, other):
        alarm = screen.page.get_by_role("alertdialog", name="Fire in hall 3")
        expect(alarm).to_be_visible()
        expect(alarm).to_be_focused()
    # Nothing closes it but that.
    one.press("Escape", "Escape", "Escape")
    expect(one.page.get_by_role("alertdialog")).to_be_visible()
    one.page.reload()
    expect(one.page.get_by_role("alertdialog")).to_be_visible()
    one.press("Tab", "Tab")
    other.page.get_by_role("alertdialog").get_by_role("button", name="Acknowledge").click()
    for screen in (one, other):
        expect(screen.page.get_by_role("alertdialog")).to_be_hidden()
        screen.unread()
    assert eventually(lambda: reader.inbox()[0]["acknowledged"] is not None)


def test_what_is_loud_sounds_where_it_was_asked_for(reader: Reader, window: Callable[..., Screen]) -> None:
    screen = window(reader)
    # What the browser sounds, counted; it sounds all the same.
    screen.page.evaluate(
        """() => { globalThis.strokes = 0; const of = AudioContext.prototype, real = of.createOscillator;
             of.createOscillator = function () { globalThis.strokes += 1; return real.call(this); }; }"""
    )
    strokes = "() => globalThis.strokes"
    reader.sent("An error nobody wants to hear", type="error")
    expect(screen.page.locator(".toast")).to_have_count(1)
    assert screen.page.evaluate(strokes) == 0
    screen.page.get_by_role("button", name="Preferences").click()
    screen.page.get_by_role("switch", name="Sound").check()
    screen.page.get_by_role("button", name="Done").click()
    screen.page.wait_for_function("() => globalThis.strokes > 0")
    sample = screen.page.evaluate(strokes)
    reader.sent("An error", type="error")
    screen.page.wait_for_function("(before) => globalThis.strokes > before", arg=sample)
    error = screen.page.evaluate(strokes)
    reader.sent("Fire", type="emergency")
    # It rings on until somebody says that they know.
    screen.page.wait_for_function("(before) => globalThis.strokes >= before + 2 * 12", arg=error)
    screen.acknowledge()
    expect(screen.page.get_by_role("alertdialog")).to_be_hidden()


def test_emergencies_are_acknowledged_one_after_another(reader: Reader, window: Callable[..., Screen]) -> None:
    for title in ("first", "second"):
        reader.sent(title, type="emergency")
    screen = window(reader)
    alarm = screen.page.get_by_role("alertdialog")
    expect(alarm).to_contain_text("1 of 2")
    expect(alarm.get_by_role("heading")).to_have_text("first")
    screen.acknowledge()
    expect(alarm.get_by_role("heading")).to_have_text("second")
    screen.acknowledge()
    expect(alarm).to_be_hidden()


def test_an_acknowledgement_that_does_not_get_through_brings_it_back(
    reader: Reader, window: Callable[..., Screen]
) -> None:
    screen = window(reader)
    reader.sent("Fire", type="emergency")
    expect(screen.page.get_by_role("alertdialog")).to_be_visible()
    screen.context.set_offline(True)
    screen.acknowledge()
    expect(screen.page.locator(".alarm .problem")).to_contain_text("the server cannot be reached")
    expect(screen.page.get_by_role("alertdialog")).to_be_visible()
    screen.context.set_offline(False)
    screen.acknowledge()
    expect(screen.page.get_by_role("alertdialog")).to_be_hidden()


def test_relative_times_keep_up(reader: Reader, window: Callable[..., Screen]) -> None:
    reader.sent("a while ago")
    screen = window(reader)
    screen.page.clock.install()
    screen.page.reload()
    time = screen.row("a while ago").locator("time")
    expect(time).to_have_text("now")
    screen.page.clock.run_for(5 * 60_000)
    expect(time).to_have_text("5 min. ago")
    screen.page.clock.fast_forward(3 * 3_600_000)
    expect(time).to_have_text("3 hr. ago")


def test_reduced_motion_is_honoured(reader: Reader, window: Callable[..., Screen]) -> None:
    moving = "(inbox) => inbox.shadowRoot.getAnimations({subtree: true}).length"
    for motion, moves in (("reduce", False), ("no-preference", True)):
        screen = window(reader, reduced_motion=motion)
        reader.sent(f"arrives with {motion}", type="error")
        expect(screen.page.locator(".toast").first).to_be_visible()
        reader.sent("Fire", type="emergency")
        expect(screen.page.get_by_role("alertdialog")).to_be_visible()
        assert (screen.page.locator("tocsin-inbox").evaluate(moving) > 0) is moves
        assert (
            screen.page.locator(".siren").evaluate("(one) => getComputedStyle(one).animationName") != "none"
        ) is moves
        screen.acknowledge()
        expect(screen.page.get_by_role("alertdialog")).to_be_hidden()
