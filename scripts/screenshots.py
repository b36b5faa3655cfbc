"""Takes the pictures of docs/images: a real server, a real Chromium, and what a day of a workshop might bring.

.venv/bin/python scripts/screenshots.py
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness.http import DEV_APP_SECRET  # noqa: E402
from harness.server import Server  # noqa: E402

IMAGES = ROOT / "docs" / "images"
COLOURS = 192
"""Of a picture: fewer make it smaller, and nobody sees it."""

SENT: list[dict[str, Any]] = [
    {"title": "Welcome", "message": "This is your inbox. What is sent to you arrives here while you watch."},
    {"title": "Disk is getting full", "message": "/var/lib/recordings is at 91 %.", "type": "warning"},
    {"title": "Task completed", "message": "Your scheduled task has completed successfully.", "type": "success"},
    {"title": "Nightly report is ready", "message": "You can read it until Friday."},
    {
        "title": "Action failed",
        "message": "Failed to execute capture action: connection timeout after 30 seconds. "
        "The camera did not answer on its control port.",
        "type": "error",
        "deviceId": "device123",
        "metadata": {"actionName": "capture", "errorCode": "TIMEOUT"},
        "url": "https://example.org/cameras/01",
        "tags": ["camera", "north"],
    },
    {
        "title": "Pressure is rising",
        "message": "It is at 5.8 bar; the limit is 6.0 bar.",
        "type": "warning",
        "deviceId": "device456",
    },
    {"title": "Device connected", "message": "Camera 01 has successfully connected.", "deviceId": "device123"},
    {"title": "Backup finished", "message": "12.4 GB in 3 minutes, verified.", "type": "success"},
]
ALARM = {
    "title": "Fire alarm in hall 3",
    "message": "Smoke detector 14 and the heat sensor beside it have gone off.\nLeave by the north exit.",
    "type": "emergency",
    "deviceId": "device456",
}


def main() -> None:
    """Take them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or "chromium"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder) / "data")
        server.start(within=60)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            fill(server)
            for scheme in ("light", "dark"):
                page = inbox(browser, server, scheme, 1280, 760)
                page.locator(".row", has_text="Action failed").click()
                page.locator(".data summary").click()
                page.mouse.move(900, 500)
                keep(page, f"inbox-{scheme}")
            keep(inbox(browser, server, "light", 390, 780), "inbox-narrow")
            send(server, ALARM)
            page = inbox(browser, server, "light", 1000, 640)
            page.locator(".acknowledge[aria-disabled=false]").wait_for()
            keep(page, "emergency")
            administration(browser, server)
        finally:
            browser.close()
            server.close()


def fill(server: Server) -> None:
    """A day's notifications, with names for what they are about."""
    service = server.service()
    service.put("/api/devices/device123", {"name": "Camera 01"})
    service.put("/api/devices/device456", {"name": "Pump 4"})
    for notification in SENT:
        send(server, notification)
    text = "The%20nightly%20export%20has%20been%20sent%20to%20the%20archive."
    server.http(token=DEV_APP_SECRET).post(f"/v2/integrations/demo-app/notification?uid=user123&message={text}")


def send(server: Server, notification: dict[str, Any]) -> None:
    """To the person whose inbox is shown."""
    title, message = notification["title"], notification["message"]
    rest = {key: value for key, value in notification.items() if key not in ("title", "message")}
    answer = server.service().send(title, message=message, userId="user123", **rest)
    if answer.status != 200:
        raise RuntimeError(answer.text)


def inbox(browser: Browser, server: Server, scheme: Any, width: int, height: int) -> Page:
    """The inbox of that person, live."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-US", reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(server.url)
    page.locator("input[name=name]").fill("user123")
    page.locator("input[name=password]").fill("user123")
    page.keyboard.press("Enter")
    page.locator(".state.live").wait_for()
    page.locator(".row").first.wait_for()
    page.wait_for_timeout(600)
    return page


def administration(browser: Browser, server: Server) -> None:
    """The admin pages: how it goes, and the story of the alarm, which has been read and acknowledged."""
    reader = server.user("user123")
    alarm = next(item for item in reader.get("/api/notifications").json["notifications"] if item["type"] == "emergency")
    for what in ("read", "acknowledgement"):
        reader.request("PUT", f"/api/notifications/{alarm['id']}/{what}")
    for scheme, name, place in (
        ("light", "admin-story", f"look-up/{alarm['id']}"),
        ("dark", "admin-send", "send"),
    ):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme, locale="en-US")
        page = context.new_page()
        page.goto(f"{server.url}/admin#/{place}")
        page.locator("input[name=name]").fill("admin")
        page.locator("input[name=password]").fill("admin")
        page.keyboard.press("Enter")
        page.locator("main h1").wait_for()
        if name == "admin-send":
            page.locator(".compose [name=userId]").fill("user123")
            page.locator(".compose [name=title]").fill("Pump 4 stands still")
            page.locator(".compose [name=message]").fill("No flow for two minutes.\nSomebody should look.")
            page.locator(".compose [name=type][value=warning]").check()
            page.locator(".compose [name=deviceId]").fill("device456")
        else:
            page.locator(".whole h2").wait_for()
        page.wait_for_timeout(800)
        keep(page, name)


def keep(page: Page, name: str) -> None:
    """As small as a picture of a page can be."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
