"""An emergency that comes while somebody is at something else: nothing of that acknowledges it, unread."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from harness.server import Server
from inbox.people import eventually
from web.people import Reader
from web.screen import Screen

SENTENCE = "The pump of hall 3 is loud again and I would like "
"""What somebody types, of which each space presses a button that has the focus."""

HOST = """<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8"><title>A shop</title>
<script type="module" src="{server}/element.js"></script></head>
<body><main><h1>A shop</h1><textarea aria-label="Note"></textarea>
<{element} src="{server}" token="{token}" lang="{language}" style="height: 20rem"></{element}></main>
<script>globalThis.keys = []; addEventListener("keydown", ({{ key }}) => keys.push(key));</script></body></html>"""

WHERE = """() => { let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at?.localName + (at?.className ? "." + at.className : ""); }"""
"""The element that has the focus, in whichever root it is."""


class Host(http.server.BaseHTTPRequestHandler):
    """A page of somebody else's."""

    def do_GET(self) -> None:
        body = self.server.page if self.path == "/" else b""  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def host() -> Iterator[http.server.ThreadingHTTPServer]:
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield site
    site.shutdown()
    site.server_close()


def visit(
    host: http.server.ThreadingHTTPServer, screen: Screen, reader: Reader, element: str, language: str = "en"
) -> Page:
    """That page, with one of the elements, live."""
    host.page = HOST.format(  # type: ignore[attr-defined]
        server=reader.server.url,
        token=reader.server.http().login(reader.id, reader.password),
        element=element,
        language=language,
        direction="rtl" if language == "ar" else "ltr",
    ).encode()
    screen.page.goto(f"http://127.0.0.1:{host.server_address[1]}/")
    screen.page.wait_for_function(f"() => document.querySelector('{element}').feed?.state === 'live'")
    return screen.page


def alarm(page: Page) -> Locator:
    return page.get_by_role("alertdialog")


def button(page: Page) -> Locator:
    return alarm(page).locator(".acknowledge")


def acknowledged(reader: Reader, *ids: str) -> list[bool]:
    """Whether the server has it from somebody."""
    return [reader.item(id_)["acknowledged"] is not None for id_ in ids]


def until_come(element: Locator, id_: str) -> None:
    """Until a page knows of it, whether it still shows it or not."""
    element.evaluate(
        """async (one, id) => {
          while (!one.feed?.emergencies.find(id)) await new Promise((done) => setTimeout(done, 20));
        }""",
        id_,
    )


def types_on(page: Page, delay: float) -> None:
    """As somebody who looks at their fingers: nothing of it waits for what is to be seen."""
    page.keyboard.type(SENTENCE, delay=delay)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("delay", [10, 40, 100])
def test_who_types_into_the_search_acknowledges_nothing(
    delay: float, reader: Reader, window: Callable[..., Screen]
) -> None:
    reader.sent("a row")
    screen = window(reader)
    search = screen.page.locator("input[type=search]")
    search.fill("pump")
    search.press("ArrowLeft")
    fire = reader.sent("Fire", type="emergency")
    types_on(screen.page, delay)
    until_come(screen.page.locator("tocsin-inbox"), fire)
    types_on(screen.page, delay)
    assert acknowledged(reader, fire) == [False]
    expect(alarm(screen.page)).to_be_visible()

    # Whoever reads it, and then means it, is back where they were.
    expect(button(screen.page)).to_be_enabled()
    typed = search.input_value()
    screen.press("Tab", "Enter")
    expect(alarm(screen.page)).to_be_hidden()
    assert eventually(lambda: acknowledged(reader, fire) == [True])
    expect(search).to_be_focused()
    assert search.input_value() == typed
    assert search.evaluate("(one) => one.value.length - one.selectionStart") == 1


@pytest.mark.parametrize(
    ("element", "language"), [("tocsin-bell", "en"), ("tocsin-inbox", "en"), ("tocsin-bell", "ar")]
)
def test_who_types_into_a_page_of_others_acknowledges_nothing(
    element: str,
    language: str,
    dev: Server,
    reader: Reader,
    host: http.server.ThreadingHTTPServer,
    new_screen: Callable[..., Screen],
) -> None:
    page = visit(host, new_screen(dev), reader, element, language)
    note = page.get_by_label("Note")
    note.fill("Dear colleagues")
    note.evaluate("(one) => one.setSelectionRange(5, 5)")
    fire = reader.sent("Fire", message="Leave the building.", type="emergency")
    types_on(page, 30)
    until_come(page.locator(element), fire)
    types_on(page, 30)
    assert acknowledged(reader, fire) == [False]
    expect(alarm(page)).to_be_visible()
    page.evaluate("() => { keys.length = 0; }")
    types_on(page, 1)
    assert page.evaluate("() => keys") == [], "what is lost is no shortcut of the page either"

    # It is what reads itself, and nothing leads out of it.
    expect(alarm(page)).to_be_focused()
    expect(alarm(page)).to_have_accessible_name("Fire")
    expect(alarm(page)).to_have_accessible_description("Leave the building.")
    for key in ("Escape", "Escape", "Escape", "Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab"):
        page.keyboard.press(key)
        assert page.evaluate(WHERE) in ("dialog.emergency", "button.button acknowledge", "body"), key
        expect(alarm(page)).to_be_visible()
    expect(button(page)).to_be_enabled()
    typed, caret = note.input_value(), note.evaluate("(one) => one.selectionStart")
    button(page).focus()
    page.keyboard.press("Space")
    expect(alarm(page)).to_be_hidden()
    assert eventually(lambda: acknowledged(reader, fire) == [True])
    expect(note).to_be_focused()
    assert (note.input_value(), note.evaluate("(one) => one.selectionStart")) == (typed, caret)
    page.keyboard.type("!")
    assert note.input_value() == typed[:caret] + "!" + typed[caret:]


def test_who_types_into_the_search_below_a_bell_finds_it_again(
    reader: Reader, host: http.server.ThreadingHTTPServer, new_screen: Callable[..., Screen]
) -> None:
    page = visit(host, new_screen(reader.server), reader, "tocsin-bell")
    reader.sent("a pump")
    bell = page.locator("tocsin-bell")
    bell.get_by_role("button").first.click()
    search = bell.locator("input[type=search]")
    search.fill("pump")
    search.press("ArrowLeft")
    fire = reader.sent("Fire", type="emergency")
    expect(alarm(page)).to_be_focused()
    expect(search).to_be_hidden()
    reader.did("PUT", fire, "acknowledgement")
    expect(alarm(page)).to_be_hidden()
    expect(search).to_be_focused()
    page.keyboard.type("!")
    expect(search).to_have_value("pum!p")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(search).to_have_count(0)


def test_a_double_click_acknowledges_one_of_two(reader: Reader, window: Callable[..., Screen]) -> None:
    """And the focus, which a click takes to what it is on, does not wait on the button of the second one."""
    ids = [reader.sent(title, type="emergency") for title in ("first", "second")]
    screen = window(reader)
    expect(alarm(screen.page).get_by_role("heading")).to_have_text("first")
    expect(button(screen.page)).to_be_enabled()
    button(screen.page).dblclick()
    expect(alarm(screen.page).get_by_role("heading")).to_have_text("second")
    assert eventually(lambda: acknowledged(reader, *ids) == [True, False])
    expect(alarm(screen.page)).to_be_focused()
    button(screen.page).click()
    expect(alarm(screen.page)).to_be_hidden()
    assert eventually(lambda: acknowledged(reader, *ids) == [True, True])


@pytest.fixture
def still(reader: Reader, window: Callable[..., Screen]) -> Screen:
    """A window whose time stands, so that nothing is too late on a busy machine."""
    screen = window(reader)
    screen.page.clock.install()
    screen.page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    return screen


def test_a_press_counts_from_where_it_began(still: Screen, reader: Reader) -> None:
    page, fire = still.page, reader.sent("Fire", type="emergency")
    expect(alarm(page)).to_be_visible()
    # Begun too early, and let go when it may.
    for down, up in (
        (page.mouse.down, page.mouse.up),
        (lambda: page.keyboard.down("Space"), lambda: page.keyboard.up("Space")),
    ):
        page.evaluate("() => { dispatchEvent(new Event('focus')); }")
        expect(button(page)).to_be_disabled()
        button(page).hover(force=True)
        button(page).focus()
        down()
        page.clock.run_for(1_000)
        expect(button(page)).to_be_enabled()
        up()
    # A key that is held down presses again and again.
    page.evaluate("() => { dispatchEvent(new Event('focus')); }")
    page.keyboard.down("Enter")
    page.clock.run_for(1_000)
    expect(button(page)).to_be_enabled()
    page.keyboard.down("Enter")
    page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect(alarm(page)).to_be_visible()
    assert acknowledged(reader, fire) == [False]
    button(page).click()
    expect(alarm(page)).to_be_hidden()


def test_the_time_to_read_it_begins_when_it_can_be_seen(still: Screen, reader: Reader) -> None:
    page = still.page
    reader.sent("Fire", type="emergency")
    expect(button(page)).to_be_disabled()
    for event in (
        "dispatchEvent(new Event('focus'))",
        "document.dispatchEvent(new Event('visibilitychange'))",
    ):
        page.clock.run_for(900)
        page.evaluate(f"() => {{ {event}; }}")
        page.clock.run_for(900)
        expect(button(page)).to_be_disabled()
    # It can be come to meanwhile, and is where it was when it may be pressed.
    page.keyboard.press("Tab")
    expect(button(page)).to_be_focused()
    page.keyboard.press("Enter")
    page.clock.run_for(100)
    expect(button(page)).to_be_enabled()
    expect(button(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(alarm(page)).to_be_hidden()


def test_the_next_alarm_takes_the_focus_from_the_one_before(reader: Reader, window: Callable[..., Screen]) -> None:
    """Also where somebody else has acknowledged that one."""
    first, second = (reader.sent(title, type="emergency") for title in ("first", "second"))
    screen = window(reader)
    expect(button(screen.page)).to_be_enabled()
    screen.press("Tab")
    expect(button(screen.page)).to_be_focused()
    reader.did("PUT", first, "acknowledgement")
    expect(alarm(screen.page).get_by_role("heading")).to_have_text("second")
    expect(alarm(screen.page)).to_be_focused()
    screen.press("Enter", "Space")
    assert acknowledged(reader, second) == [False]
