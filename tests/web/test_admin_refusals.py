"""A send that was refused is found in the admin pages: why, whose it was and for whom."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen


def test_a_refused_send_is_seen_with_why_and_whose_and_for_whom(
    dev: Server, reader: Reader, new_screen: Callable[..., Screen]
) -> None:
    nobody = f"nobody-{reader.id}"
    screen = new_screen(dev).sign_in(Reader(dev, superuser=True)).open("/admin#/refusals")
    page = screen.page
    expect(page.locator("main h1")).to_have_text("Refusals")
    rows = page.locator("tbody tr")
    page.get_by_label("Filter: user, sender, key, answer").fill(reader.id)
    for _ in range(2):
        assert dev.service().send("for nobody", userId=nobody).status == 404
    expect(rows).to_have_count(1)
    for text in ("404", "User not found", nobody, "system", "API key sample", "127.0.0.1", "2 times"):
        expect(rows).to_contain_text(text)
    # Their own, and one of a key that is no more.
    key = dev.service().post("/api/keys", {"userId": reader.id}).json
    assert dev.http(key=key["key"]).send("t" * 300).status == 422
    assert dev.service().delete(f"/api/keys/{key['id']}").status == 204
    assert dev.http(key=key["key"]).send("too late").status == 401
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("title")
    page.get_by_label("Filter: user, sender, key, answer").fill(key["id"])
    expect(rows.filter(has_text="no credential, or one that does not hold")).to_contain_text("401")
    screen.is_clean_in_every_look()

    # Who asks why it did not arrive is told so, by whom it was for and by whose it was.
    for wanted, heading, says in (
        (nobody, f"Refused with “{nobody}” in it", "User not found"),
        (reader.id, "Refused: to them, or by them", "title"),
    ):
        page.goto(f"{dev.url}/admin#/look-up?user={wanted}")
        expect(page.locator("#refused")).to_have_text(heading)
        expect(page.locator("section[aria-labelledby=refused] tbody tr")).to_contain_text([says])
    page.goto(f"{dev.url}/admin#/look-up?user={Reader(dev).id}")
    expect(page.locator("section[aria-labelledby=refused]")).to_contain_text("Nothing that is remembered since")
