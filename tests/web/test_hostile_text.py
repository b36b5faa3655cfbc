"""Two hundred hostile strings in every field that is shown: all of it stays text, and nothing runs."""

# ruff: noqa: E501 (texts that are what they are)

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, product

from playwright.sync_api import expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen

CALLS = ["globalThis.ran=1", "top.ran=1", "parent.ran=1", "window['ran']=1"]
SHAPES = [
    "<script>{}</script>", "<img src=x onerror={}>", "<svg onload={}>", "<svg><script>{}</script></svg>",
    "<iframe srcdoc='<script>{}</script>'>", "<a href=javascript:{}>x</a>", "javascript:{}", "<body onload={}>",
    "<details open ontoggle={}>x</details>", "<input autofocus onfocus={}>", "<video><source onerror={}></video>",
    "\"><script>{}</script>", "'><img src=x onerror={}>", "</title><script>{}</script>", "</textarea><script>{}</script>",
    "--><script>{}</script>", "]]><script>{}</script>", "${{{}}}", "{{{{{}}}}}", "<!--{}-->", "<style>@import 'x';{}</style>",
    "<math><mi//xlink:href=\"data:x,<script>{}</script>\">", "<template><script>{}</script></template>", "`${{{}}}`",
    "<scr<script>ipt>{}</script>", "<ScRiPt>{}</sCrIpT>", "<img/src=x/onerror={}>", "<img src=x onerror=\"{}\">",
    "<object data=\"javascript:{}\">", "<embed src=\"javascript:{}\">", "<form action=\"javascript:{}\"><button>x</button>",
    "<base href=\"javascript:{}//\">", "<meta http-equiv=refresh content=\"0;javascript:{}\">", "<link rel=stylesheet href=\"javascript:{}\">",
    "<marquee onstart={}>", "<audio src=x onerror={}>", "<select autofocus onfocus={}>", "<keygen autofocus onfocus={}>",
    "<isindex type=image src=1 onerror={}>", "<table background=\"javascript:{}\">", "<div style=\"background:url(javascript:{})\">",
    "<x onclick={}>x</x>", "<button popovertarget=x onbeforetoggle={}>", "<dialog open onclose={}>", "<slot name=detail onslotchange={}>",
    "data:text/html,<script>{}</script>", "vbscript:{}", "&lt;script&gt;{}&lt;/script&gt;", "\\u003cscript\\u003e{}\\u003c/script\\u003e",
    "<?xml-stylesheet href=\"javascript:{}\"?>",
]  # fmt: skip
STRANGE = [
    "\u202egnp.tpircs",
    "\u2066\u2067\u2068",
    "a\u0300" * 60,
    "\ufeff\u200b\u200d",
    "\U0001f469\u200d\U0001f680" * 20,
]

HOSTILE = [*islice((shape.format(call) for call, shape in product(CALLS, SHAPES)), 200), *STRANGE]


OPEN_ALL = """async (inbox) => {
  const { desk, feed, shadowRoot } = inbox, wrong = [];
  while (desk.inbox.next !== null) {
    await feed.more(desk.inbox);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  const rows = shadowRoot.querySelector("tocsin-rows");
  for (let top = 0; top < rows.scrollHeight; top += rows.clientHeight) {
    rows.scrollTo({ top });
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    await rows.updateComplete;
  }
  while (!inbox.teller.over) {
    inbox.teller.fetch();
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  const items = [...desk.inbox.items];
  for (const { id, told } of items) {
    await inbox.open(id);
    await inbox.updateComplete;
    const shown = (what) => shadowRoot.querySelector(`.whole ${what}`).textContent;
    if (shown("h2") !== told.title || shown(".text") !== told.message) wrong.push(told.title);
  }
  return [items.length, wrong];
}"""


def test_200_hostile_strings_run_nothing_in_any_field_of_the_inbox(
    dev: Server, new_screen: Callable[..., Screen]
) -> None:
    texts, server = HOSTILE, dev
    assert len(set(texts)) >= 200
    reader = Reader(server)
    service = server.service()
    sends = []
    for at, text in enumerate(texts):
        # Names are shown of every one; of what is no name, the id is shown.
        about = {"deviceId": f"hostile-{at}", "appId": f"hostile-{at}"} if at % 2 else {"deviceId": text[:128]}
        if at % 2:
            assert service.put(f"/api/devices/hostile-{at}", {"name": text}).status == 201
            assert service.put(f"/api/apps/hostile-{at}", {"name": text}).status == 201
        extras = {"tags": [text[:64]], "group": text[:128], "metadata": {text: text, "html": [text]}}
        sends.append({"title": text, "message": text, "userId": reader.id, "type": "info", **about, **extras})
    for at in range(0, len(sends), 100):
        results = service.post("/api/notifications/batch", sends[at : at + 100]).json["results"]
        assert all(result["success"] for result in results), results

    screen = new_screen(server, viewport={"width": 1200, "height": 4000}).sign_in(reader)
    screen.page.on("dialog", lambda dialog: screen.errors.append(f"a dialog: {dialog.message}"))
    assert service.put(f"/api/users/{reader.id}", {"name": texts[0]}).status == 200
    screen.open().until_live()
    screen.page.locator(".top .who").click()
    expect(screen.page.locator("tocsin-account .who b")).to_have_text(texts[0])
    screen.press("Escape")
    opened, wrong = screen.page.locator("tocsin-inbox").evaluate(OPEN_ALL)
    assert (opened, wrong) == (len(texts), [])
    screen.page.locator(".data summary").click()
    # One more comes live: the toast, and what is said to those who listen.
    for text in texts[:5]:
        reader.sent(text, message=text, type="error", deviceId="hostile-1")
    expect(screen.page.locator(".toast")).not_to_have_count(0)
    reader.sent(texts[0], message=texts[1], type="emergency")
    expect(screen.page.locator("#emergency-title")).to_have_text(texts[0])
    assert screen.page.evaluate("() => 'ran' in globalThis") is False
    strangers = (
        "script, iframe, object, embed, base, form[action], img, audio, video, math, meta, marquee, [onerror], [onload]"
    )
    in_inbox = f"(inbox) => inbox.shadowRoot.querySelectorAll({strangers!r}).length"
    assert screen.page.locator("tocsin-inbox").evaluate(in_inbox) == 0


def test_addresses_that_are_none_of_the_web_are_not_linked(reader: Reader, window: Callable[..., Screen]) -> None:
    reader.sent("leads somewhere", url="https://example.org/a?b=c")
    screen = window(reader)
    screen.row("leads somewhere").click()
    link = screen.page.locator(".whole a.link")
    expect(link).to_have_attribute("href", "https://example.org/a?b=c")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    for address in ("mailto:pumps@example.org", "tel:+49123"):
        reader.sent(f"leads to {address}", url=address)
        screen.row(f"leads to {address}").click()
        expect(link).to_have_attribute("href", address)
