"""The document of app notifications: its Node sample over TLS under the documented host name, and its errors."""

import datetime
import json
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness.http import DEV_APP, DEV_APP_SECRET
from harness.patience import PATIENCE
from harness.server import Server
from send.hour import wait_for_room_in_the_hour

FIXTURES = Path(__file__).parent / "fixtures"
HOST = "api.omi.me"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for the documented host name, signed by its own key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    return cert_file, key_file


class TlsServer:
    """A `--dev` server over TLS, and what node needs to reach it by the documented name."""

    def __init__(self, server: Server, cert: Path) -> None:
        self.server, self.cert = server, cert
        self.context = ssl.create_default_context(cafile=str(cert))
        self.context.check_hostname = False

    def wait(self) -> None:
        deadline = time.monotonic() + 150
        while time.monotonic() < deadline:
            assert self.server.running, self.server.tail()
            try:
                self.get("/readyz")
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise AssertionError(self.server.tail())

    def get(self, path: str, **headers: str) -> object:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"https://127.0.0.1:{self.server.port}{path}", headers=named)
        with urllib.request.urlopen(request, timeout=PATIENCE, context=self.context) as answer:
            return json.loads(answer.read())

    def node(self, code: str, *, secret: str = DEV_APP_SECRET) -> subprocess.CompletedProcess[str]:
        """Run the document's function, unchanged, followed by some code."""
        program = shutil.which("node")
        assert program is not None, "node is missing: make test installs it"
        script = self.cert.with_name("sample.js")
        script.write_text((FIXTURES / "app_notification.js").read_text() + "\n" + code)
        env = {
            "OMI_APP_ID": DEV_APP,
            "OMI_APP_SECRET": secret,
            "NODE_EXTRA_CA_CERTS": str(self.cert),
            "TEST_PORT": str(self.server.port),
        }
        preload = str(FIXTURES / "to_loopback.js")
        command = [program, "--require", preload, str(script)]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.fixture
def tls(start_server: Callable[..., Server], certificate: tuple[Path, Path]) -> TlsServer:
    cert, key = certificate
    server = start_server(ready=False, args=["--tls-cert", str(cert), "--tls-key", str(key)])
    server.launch()
    found = TlsServer(server, cert)
    found.wait()
    return found


def inbox_after(tls: TlsServer) -> list[dict[str, object]]:
    """user456's inbox, read over plain HTTP once the server runs again without TLS."""
    server = tls.server
    server.stop()
    server.args = []
    server.start()
    found = server.user("user456").get("/api/notifications").json["notifications"]
    assert isinstance(found, list)
    return found


def test_the_node_sample_sends_its_test_notification(tls: TlsServer) -> None:
    call = (FIXTURES / "app_test_call.js").read_text().replace("user_id_here", "user456")

    done = tls.node(call)

    assert done.stdout.startswith("Success: {"), (done.stdout, done.stderr)
    assert "status: 'Ok'" in done.stdout
    assert "notificationId: 'notif_" in done.stdout
    assert done.stderr == ""
    [kept] = inbox_after(tls)
    assert kept["message"] == "Test notification!"
    assert (kept["title"], kept["type"], kept["userId"]) == ("Demo", "info", "user456")
    assert kept["appId"] == DEV_APP


def test_the_example_implementations_send_what_they_build(tls: TlsServer) -> None:
    examples = (FIXTURES / "app_examples.js").read_text()
    calls = """
        sendTaskReminder("user456", "Zähne & Ärzte?", "tomorrow #1")
          .then(() => sendServiceUpdate("user456", "Billing", "100% up + running 🎉"))
          .then(answer => console.log(answer.status), error => console.error(error.message));
    """

    done = tls.node(examples + calls)

    assert (done.stdout.strip(), done.stderr) == ("Ok", "")
    texts = [item["message"] for item in inbox_after(tls)]
    assert texts == ["Billing status: 100% up + running 🎉", 'Reminder: "Zähne & Ärzte?" is due tomorrow #1']


def test_the_node_sample_reports_the_documented_errors(tls: TlsServer) -> None:
    call = 'sendOmiNotification("%s", "x").then(() => console.log("sent"), e => console.log(e.message));'

    wrong = tls.node(call % "user456", secret="not-the-secret")
    unknown = tls.node(call % "no-such-user")

    assert wrong.stdout.strip() == 'API Error (401): {"error":"Unauthorized"}'
    assert unknown.stdout.strip() == 'API Error (404): {"error":"User not found"}'


def test_the_node_sample_meets_429_after_the_hours_quota(tls: TlsServer) -> None:
    wait_for_room_in_the_hour(seconds=20)
    loop = """
        (async () => {
          for (let n = 0; n < 11; n++) {
            await sendOmiNotification("user123", `number ${n}`).catch(e => console.log(n, e.message));
          }
        })();
    """

    done = tls.node(loop)

    assert done.stdout.splitlines() == ['10 API Error (429): {"error":"Too many requests"}'], done.stderr
