"""How long a session lasts, and how many a user may have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from api.people import now_ms
from api.sessions import SESSION, signed_in
from harness.http import Http
from harness.server import Server


def lived(server: Server, client: Http, days: float) -> None:
    """Let a session end as if it had last been used so many days ago, on a server that is down."""
    id_ = str(client.cookie).partition("tsn_")[2].partition("_")[0]
    server.rows("UPDATE sessions SET expires_at = ? WHERE id = ?", now_ms() + round((30 - days) * 86_400_000), id_)


def test_a_session_lasts_thirty_days_from_when_it_was_last_used(killable: Server) -> None:
    server = killable
    young, old, dead = (signed_in(server, "user123") for _ in range(3))
    server.stop()
    for client, days in ((young, 0.9), (old, 29.9), (dead, 30.1)):
        lived(server, client, days)
    server.start()
    assert dead.get(SESSION).status == 401
    assert "set-cookie" not in young.get(SESSION).headers
    renewed = old.get(SESSION)
    assert renewed.headers["set-cookie"].partition(";")[0] == old.cookie
    left = datetime.fromisoformat(renewed.json["expiresAt"]) - datetime.now(UTC)
    assert left > timedelta(days=29, hours=23)
    assert "set-cookie" not in old.get(SESSION).headers, "a write a day"


def test_a_session_outlives_a_restart(killable: Server) -> None:
    server = killable
    client = signed_in(server, "user123")
    server.kill()
    server.start()
    assert client.get(SESSION).status == 200


def test_the_oldest_of_too_many_goes(killable: Server) -> None:
    server = killable
    oldest, younger = signed_in(server, "viewer"), signed_in(server, "viewer")
    server.stop()
    # So many more would take as many passwords, which take seconds.
    id_ = str(younger.cookie).partition("tsn_")[2].partition("_")[0]
    server.rows(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 98)"
        " INSERT INTO sessions (id, user_id, hash, created_at, expires_at)"
        " SELECT s.id || n.n, s.user_id, s.hash, s.created_at, s.expires_at + 1 FROM sessions s, n WHERE s.id = ?",
        id_,
    )
    server.start()
    assert [client.get(SESSION).status for client in (oldest, younger)] == [200, 200]
    latest = signed_in(server, "viewer")
    assert [client.get(SESSION).status for client in (oldest, younger, latest)] == [401, 200, 200]
