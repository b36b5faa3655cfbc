"""A real Chromium, and windows in it that must not complain.

It is the one without a window of its own: of the same source, but without an address bar, tabs and what they fetch,
which took a quarter of all CPU that the tests of the web app did.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from harness.server import Server
from web.people import Reader
from web.screen import Screen

PATIENCE = 30_000
"""Milliseconds until what must come to be seen is missed: a busy machine is slow, and no test is about that."""

TOGETHER = (
    "test_admin", "test_admin_at_once", "test_admin_looking_up", "test_admin_people", "test_admin_sending",
    "test_admin_watching", "test_axe", "test_element", "test_finding", "test_keyboard", "test_right_to_left",
    "test_scrolling", "test_signing_in", "test_undo",
)  # fmt: skip
"""Files whose tests have their first window in one context, if they ask for nothing particular: what was compiled once
is not compiled again, which is half of what a window costs. Cookies and what pages keep are removed after each."""

STANDSTILL = 270
"""Seconds until a page is held to stand still; `make soak` has longer tests."""


@pytest.fixture(scope="package")
def engine() -> Iterator[Callable[[], Browser]]:
    """Gives a browser, the same one while it runs."""
    # While it is there a loop runs in this thread, and no other test could start one: it goes with its package.
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert path, "Debian's package chromium-headless-shell is missing, and so is chromium"
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        launched: list[Browser] = []

        def browser() -> Browser:
            if not launched or not launched[-1].is_connected():
                # Without a sandbox, since tests may run as root, where it cannot be.
                launched.append(playwright.chromium.launch(executable_path=path, args=["--no-sandbox"]))
            return launched[-1]

        yield browser
        for one in launched:
            one.close()


@pytest.fixture
def chromium(engine: Callable[[], Browser]) -> Browser:
    return engine()


@pytest.fixture(scope="module")
def own_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("own") / "data")
    yield server
    server.close()
    server.check_log()


@pytest.fixture
def own(own_process: Server) -> Server:
    """A server of the file's own, which its tests may kill."""
    if not own_process.running:
        own_process.start()
    own_process.check_log()
    return own_process


@pytest.fixture
def reader(dev: Server) -> Reader:
    """Somebody with an empty inbox on the shared server."""
    return Reader(dev)


@pytest.fixture
def bounded(chromium: Browser, soak: bool) -> Iterator[None]:
    """A page whose script never ends answers nothing, nor does Playwright's patience end then: the browser has to."""
    processes = chromium.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    pid = next(process["id"] for process in processes if process["type"] == "browser")
    end = threading.Timer(STANDSTILL * (5 if soak else 1), os.kill, (pid, signal.SIGKILL))
    end.start()
    yield
    end.cancel()


def in_a_context(chromium: Browser, **options: Any) -> BrowserContext:
    context = chromium.new_context(
        **{"viewport": {"width": 1200, "height": 800}, "locale": "en-US", "reduced_motion": "reduce", **options}
    )
    context.set_default_timeout(PATIENCE)
    return context


@pytest.fixture(scope="package")
def together() -> list[BrowserContext]:
    """The context of windows that have one together, once there is one."""
    return []


@pytest.fixture
def new_screen(
    request: pytest.FixtureRequest, chromium: Browser, bounded: None, together: list[BrowserContext]
) -> Iterator[Callable[..., Screen]]:
    """`new_screen(server, **options of a browser's context)`: a window that might be of a browser of its own."""
    own: list[BrowserContext] = []
    screens: list[Screen] = []
    shares = request.path.stem in TOGETHER

    def make(server: Server, **options: Any) -> Screen:
        if shares and not screens and not options:
            if not together or together[0].browser is not chromium:
                together[:] = [in_a_context(chromium)]
            context = together[0]
        else:
            own.append(in_a_context(chromium, **options))
            context = own[-1]
        screens.append(Screen(context, server))
        return screens[-1]

    yield make
    for context in own:
        context.close()
    for screen in screens:
        if screen.context not in own:
            leave(screen)
    assert [screen.errors for screen in screens if screen.errors] == []


def leave(screen: Screen) -> None:
    """Close a window and leave nothing of it to the next one in its context, but for what is cached."""
    kept = "cookies,local_storage,indexeddb,cache_storage,service_workers,file_systems"
    asked = {"origin": screen.server.url, "storageTypes": kept}
    screen.context.new_cdp_session(screen.page).send("Storage.clearDataForOrigin", asked)
    for page in screen.context.pages:
        page.close()
    screen.context.clear_cookies()
    screen.context.clear_permissions()
    screen.context.set_offline(False)


@pytest.fixture
def window(new_screen: Callable[..., Screen]) -> Callable[..., Screen]:
    """`window(reader, **options)`: the inbox of a reader, live."""
    return lambda reader, **options: new_screen(reader.server, **options).sign_in(reader).open().until_live()
