"""A server that is not `--dev`, its first superuser, and people made by them over HTTP."""

from harness.http import Http
from harness.server import Server


def superuser(server: Server) -> Http:
    """Signed in as the first superuser, by the password that the first start wrote down."""
    note = (server.data / "first-superuser.txt").read_text()
    said = dict(line.split(": ", 1) for line in note.splitlines())
    return Http(server.url, token=Http(server.url).login(said["user"], said["password"]))


def make_user(server: Server, admin: Http, name: str) -> str:
    """Make a user who may send, and return a token of theirs."""
    password = f"{name}-has-a-long-password"
    body = {"name": name, "password": password, "permissions": ["notifications"]}
    answer = admin.put(f"/api/users/{name}", body)
    assert answer.status in (200, 201), (answer.status, answer.text)
    return Http(server.url).login(name, password)
