"""What is to be seen of the inbox in a window, and what a hand can do in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from harness.server import Server
from web.people import Reader

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

SIZES = {
    "wide": (1280, 800, 1),
    "320": (320, 640, 1),
    # A window of 1280 by 800 at 200 %: half as many pixels of CSS, each twice as large.
    "zoomed": (640, 400, 2),
}
"""Width and height in pixels of CSS, and how many of the screen are one of them."""

LOOKS = (("wide", "light"), ("wide", "dark"), ("320", "light"), ("320", "dark"), ("zoomed", "light"))
"""What is shown when zoomed has the colours that it has in one of the others, whatever the scheme."""

OF_COLOURS = ("color-contrast", "link-in-text-block")
"""Rules of axe-core that look at colours: they take longer than all others together."""

DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"


class Screen:
    """One window on the inbox.

    Attributes:
        errors: what the page has complained of.
    """

    def __init__(self, context: BrowserContext, server: Server) -> None:
        self.context, self.server = context, server
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self._size, self._scheme = "wide", "light"
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        # The browser itself says what a test cuts off, and that nobody is signed in yet.
        of_browser = "Failed to load resource" in message.text or "WebSocket" in message.text
        if message.type == "error" and not of_browser:
            self.errors.append(message.text)

    # -- coming in

    def sign_in(self, reader: Reader) -> Screen:
        """By the cookie, without the form."""
        answer = self.context.request.post(
            f"{self.server.url}/api/session",
            data={"username": reader.id, "password": reader.password},
            headers={"Origin": self.server.url},
        )
        assert answer.status == 201, answer.text()
        return self

    def open(self, path: str = "/") -> Screen:
        self.page.goto(self.server.url + path)
        return self

    def until_live(self) -> Screen:
        expect(self.page.locator(".state")).to_have_attribute("data-state", "live")
        return self

    def until(self, holds: Callable[[], bool], seconds: float = 30.0) -> Screen:
        """Until what the browser tells makes something hold; it is heard meanwhile."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "the browser has told of nothing"
            self.page.wait_for_timeout(20)
        return self

    # -- what is to be seen

    @property
    def rows(self) -> Locator:
        return self.page.locator(".row")

    @property
    def titles(self) -> Locator:
        return self.page.locator(".row .title")

    def row(self, title: str) -> Locator:
        return self.page.locator(".row", has=self.page.locator(".title", has_text=title))

    @property
    def count(self) -> Locator:
        return self.page.locator(".view[data-view=unread] .count")

    def shows(self, *titles: str) -> None:
        """Exactly these, newest first."""
        expect(self.titles).to_have_text(list(titles))

    def unread(self, *titles: str) -> None:
        """Exactly these are unread, and counted."""
        expect(self.page.locator(".row.unread .title")).to_have_text(list(titles))
        if titles:
            expect(self.count).to_have_text(str(len(titles)))
        else:
            expect(self.count).to_have_count(0)

    # -- what a hand does

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def button(self, title: str, what: str) -> Locator:
        """A button in a row, as `read` or `dismiss`."""
        return self.row(title).locator(f"[data-do={what}]")

    def do(self, title: str, what: str) -> None:
        self.row(title).hover()
        self.button(title, what).click()

    def acknowledge(self) -> None:
        """The emergency that is shown, by the keyboard, as soon as it may be."""
        button = self.page.get_by_role("alertdialog").locator(".acknowledge")
        expect(button).to_be_enabled()
        self.press("Tab")
        expect(button).to_be_focused()
        self.press("Enter")

    # -- what an examiner finds

    def looks(self) -> Iterator[str]:
        """The page in each look, one after another: all that differs is of CSS, so it need not be loaded anew."""
        browser = self.context.new_cdp_session(self.page)
        for size, scheme in LOOKS:
            width, height, scale = SIZES[size]
            metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
            browser.send("Emulation.setDeviceMetricsOverride", metrics)
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self._size, self._scheme = size, scheme
            self.page.evaluate(DRAWN)
            yield f"{size}, {scheme}"
        browser.send("Emulation.clearDeviceMetricsOverride")
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        self._size, self._scheme = "wide", "light"
        browser.detach()

    def is_clean_in_every_look(self) -> None:
        found = {look: complaints for look in self.looks() if (complaints := self.complaints())}
        assert found == {}, found

    def is_clean(self) -> None:
        found = self.complaints()
        assert found == [], found

    def complaints(self) -> list[str]:
        """What axe-core finds wrong in the page as it looks now, and whether it is wider than its window.

        In the dark only what depends on colours, as the rest is the same document; zoomed, all but that.
        """
        wider = self.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        if self._scheme == "dark":
            found = self.axe({"runOnly": {"type": "rule", "values": OF_COLOURS}})
        elif self._size == "zoomed":
            found = self.axe({"rules": {rule: {"enabled": False} for rule in OF_COLOURS}})
        else:
            found = self.axe()
        return [*found, *([f"{wider} px stick out"] if wider > 0 else [])]

    def axe(self, options: dict[str, Any] | None = None) -> list[str]:
        """What axe-core finds wrong, in a line each."""
        if not self.page.evaluate("() => 'axe' in globalThis"):
            self.page.evaluate(AXE.read_text())
        lines: list[str] = self.page.evaluate(
            # Without its own look at style sheets and media: what needs that asks of rotation and of sound that plays.
            """async (more) => {
                const options = {reporter: "no-passes", elementRef: false, preload: false, ...more};
                const {violations} = await axe.run(document, options);
                const why = ({any, all, none}) => [...any, ...all, ...none].map((check) => check.message).join("; ");
                return violations.flatMap(({id, help, nodes}) =>
                    nodes.map((node) => `${id}: ${help}: ${node.target}: ${why(node)}`));
            }""",
            options or {},
        )
        return lines
