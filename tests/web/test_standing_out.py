"""What must be seen: which of a few is chosen, what something is about, a figure without neighbours."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen

LONG = "device-" + "0123456789abcdef" * 4
"""As long as ids of devices are that a factory gives: 71 characters."""

WIDTHS = (320, 800, 1400)

COLOURS = """(chosen) => {
  const rgb = (colour) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((part, at) => (part * a + below[at] * (255 - a)) / 255);
  const ground = (at) => {
    if (!at) return [255, 255, 255];
    const colour = rgb(getComputedStyle(at).backgroundColor);
    return over(colour, colour[3] < 255 ? ground(at.parentElement ?? at.getRootNode().host) : [0, 0, 0]);
  };
  const edge = getComputedStyle(chosen).boxShadow.match(/^(\\S+\\([^)]*\\)) 0px 0px 0px 1px/)?.[1];
  return [ground(chosen), ground(chosen.closest(".radios")), edge ? rgb(edge).slice(0, 3) : ground(chosen)];
}"""
"""The grounds of the chosen one and of its track, and the colour of its edge, as red, green and blue."""


def light(colour: list[float]) -> float:
    """The relative luminance (WCAG 2.2)."""
    parts = [part / 255 for part in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: list[float], other: list[float]) -> float:
    darker, lighter = sorted((light(one), light(other)))
    return (lighter + 0.05) / (darker + 0.05)


def stands_out(chosen: Locator) -> None:
    """It is the lighter one, with an edge that can be seen (WCAG 2.2, 1.4.11)."""
    ground, track, edge = chosen.evaluate(COLOURS)
    assert light(ground) > light(track), (ground, track)
    assert contrast(edge, track) >= 3, (edge, track)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chosen_one_of_a_few_stands_out(
    scheme: str, dev: Server, reader: Reader, new_screen: Callable[..., Screen]
) -> None:
    page = new_screen(dev, color_scheme=scheme).sign_in(reader).open().until_live().page
    page.get_by_role("button", name="Preferences").click()
    for name in ("Theme", "Density"):
        stands_out(page.get_by_role("group", name=name).locator("input:checked + span"))
    page = new_screen(dev, color_scheme=scheme).sign_in(Reader(dev, superuser=True)).open("/admin#/send").page
    stands_out(page.get_by_role("group", name="To", exact=True).locator("input:checked + span"))


def test_a_long_id_is_whole_in_what_is_open_and_named_in_a_row(reader: Reader, window: Callable[..., Screen]) -> None:
    reader.sent("Pressure is rising", deviceId=LONG)
    screen = window(reader)
    expect(screen.row("Pressure").locator(".chip bdi")).to_have_attribute("title", LONG)
    screen.row("Pressure").click()
    for width in WIDTHS:
        screen.page.set_viewport_size({"width": width, "height": 700})
        whole(screen.page.locator(".whole .chip bdi"), width)
    reader.sent("Fire", type="emergency", deviceId=LONG)
    for width in WIDTHS:
        screen.page.set_viewport_size({"width": width, "height": 700})
        whole(screen.page.locator(".alarm .chip bdi"), width)


def whole(text: Locator, width: int) -> None:
    """All of it is within its box, and its box within the page."""
    expect(text).to_have_text(LONG)
    assert text.evaluate("(one) => one.scrollWidth <= one.clientWidth || getComputedStyle(one).overflowX === 'visible'")
    left, right = text.evaluate(
        "(one) => { const of = document.createRange(); of.selectNodeContents(one);"
        " const { left, right } = of.getBoundingClientRect(); return [left, right]; }"
    )
    box = text.bounding_box()
    assert box
    assert box["x"] - 1 <= left <= right <= box["x"] + box["width"] + 1 <= width + 1, (left, right, box)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_minute_alone_between_empty_ones_is_a_point(
    scheme: str, dev: Server, new_screen: Callable[..., Screen]
) -> None:
    screen = new_screen(dev, color_scheme=scheme).sign_in(Reader(dev, superuser=True))
    page = screen.page
    page.route("**/api/figures?*", an_hour_with_one_answer)
    screen.open("/admin")
    canvas = page.locator("admin-chart").nth(2).locator("canvas")
    expect(canvas).to_be_visible()
    width, height = spot(page, canvas)
    assert 5 <= width <= 12, width
    assert 5 <= height <= 12, height


def an_hour_with_one_answer(route: Route) -> None:
    minute = int(time.time()) // 60
    ats = [datetime.fromtimestamp(60 * at, UTC).isoformat() for at in range(minute - 59, minute + 1)]
    none: dict[str, Any] = {"sends": 0, "deliveries": 0, "refusals": 0, "streams": 0, "p50": None, "p99": None}
    figures = [{"at": at, **none, **({"p50": 5.0} if number == 30 else {})} for number, at in enumerate(ats)]
    route.fulfill(json={"span": "hour", "began": ats[0], "step": 60, "figures": figures})


def spot(page: Page, canvas: Locator) -> tuple[int, int]:
    """Width and height of what is drawn in the colour of p50."""
    found: list[int] = canvas.evaluate(
        """async (canvas) => {
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const key = canvas.closest("figure").querySelector(".key.info .swatch");
          const [r, g, b] = getComputedStyle(key).backgroundColor.match(/\\d+/g).map(Number);
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), xs = [], ys = [];
          for (let at = 0; at < data.length; at += 4) {
            if (data[at] !== r || data[at + 1] !== g || data[at + 2] !== b || data[at + 3] !== 255) continue;
            xs.push((at / 4) % canvas.width);
            ys.push(Math.floor(at / 4 / canvas.width));
          }
          return xs.length ? [Math.max(...xs) - Math.min(...xs) + 1, Math.max(...ys) - Math.min(...ys) + 1] : [0, 0];
        }"""
    )
    return found[0], found[1]
