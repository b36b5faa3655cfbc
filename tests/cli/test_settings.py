"""Settings: an option beats the environment, that beats tocsin.toml; what is wrong is one sentence and status 2."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import apsw
import pytest

from cli.command import PROGRAM, tocsin
from harness.patience import PATIENCE
from harness.ports import free_port
from tocsin.store.sqlite.file import not_opened

ISSUER = "[[issuers]]\nissuer = 'https://id.example'\naudience = 'tocsin'\nalgorithm = 'RS256'"


def setting(name: str, *args: str, env: Mapping[str, str] | None = None) -> tuple[object, str]:
    ran = tocsin("config", "show", "--json", *args, env=env)
    assert ran.status == 0, ran.err
    [found] = [one for one in ran.json["settings"] if one["name"] == name]
    return found["value"], found["source"]


def test_an_option_beats_the_environment_which_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    data = ["--data", str(tmp_path)]
    assert setting("port", *data) == (8000, "default")

    file = tmp_path / "tocsin.toml"
    file.write_text("port = 9001\n[limits]\nlogin_failures = 3\n")
    assert setting("port", *data) == (9001, str(file))
    assert setting("limits.login_failures", *data) == (3, str(file))

    env = {"TOCSIN_PORT": "9002", "TOCSIN_LIMITS__LOGIN_FAILURES": "4", "TOCSIN_DATA": "/nowhere"}
    assert setting("port", *data, env=env) == (9002, "TOCSIN_PORT")
    assert setting("limits.login_failures", *data, env=env) == (4, "TOCSIN_LIMITS__LOGIN_FAILURES")
    assert setting("data", *data, env=env) == (str(tmp_path), "--data")

    port = free_port()
    ran = tocsin("serve", *data, "--port", str(port), "--host", "host.invalid", env=env)
    assert ran.status == 2
    assert f"host.invalid port {port}" in ran.err


def test_dev_says_what_it_turns_on(tmp_path: Path) -> None:
    assert setting("anonymous_broadcasts", "--dev", "--data", str(tmp_path)) == (True, "--dev")
    assert setting("dev", "--data", str(tmp_path), env={"TOCSIN_DEV": "true"}) == (True, "TOCSIN_DEV")


def test_lists_come_from_the_environment_too(tmp_path: Path) -> None:
    env = {"TOCSIN_ORIGINS": "https://a.example, https://b.example"}
    found = setting("origins", "--data", str(tmp_path), env=env)
    assert found == (["https://a.example", "https://b.example"], "TOCSIN_ORIGINS")


def test_of_days_by_app_it_is_said_whether_the_file_names_them_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.toml"
    file.write_text("[retention.apps]\ncameras = 7\ndoors = 8\n")
    env = {"TOCSIN_RETENTION__APPS": '{"doors": 9}'}

    assert setting("retention.apps.cameras", "--data", str(tmp_path), env=env) == (7, str(file))
    assert setting("retention.apps.doors", "--data", str(tmp_path), env=env) == (9, "TOCSIN_RETENTION__APPS")


def test_days_by_app_are_shown_where_none_are_given(tmp_path: Path) -> None:
    assert setting("retention.apps", "--data", str(tmp_path)) == ({}, "default")
    shown = tocsin("config", "show", "--data", str(tmp_path)).out
    assert re.search(r"^retention\.apps +- +default$", shown, re.MULTILINE)


def test_good_settings_are_called_good(tmp_path: Path) -> None:
    (tmp_path / "tocsin.toml").write_text("drain_seconds = 1.5\n")
    ran = tocsin("config", "check", "--data", str(tmp_path), env={"TOCSIN_PORT": "1234"})

    assert ran.status == 0
    assert ran.out == f"good: {tmp_path / 'tocsin.toml'}, TOCSIN_PORT\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("prot = 1", "prot"),
        ("port = 'x'", "port"),
        ("port =", "tocsin.toml"),
        ("[limits]\nstreamz = 1", "streamz"),
        ("tls_cert = 'x'", "tls_key"),
        ("dev = true\nhost = '0.0.0.0'", "loopback only; drop `host` (--host, TOCSIN_HOST)"),
        ("origins = ['*']", "origins"),
        ("trusted_proxies = ['there']", "trusted_proxies"),
        ("log_level = 'loud'", "log_level"),
        ("log_level = 'loud'", "debug, info, warning, error"),
        ("database = 'postgresql://u:p#w@h/n'", "percent-encoded"),
    ],
)
def test_wrong_settings_are_named_by_check_and_by_serve(text: str, names: str, tmp_path: Path) -> None:
    (tmp_path / "tocsin.toml").write_text(text + "\n")
    for command in (["config", "check"], ["config", "show"], ["serve", "--port", "0"]):
        if text.startswith("port") and command[0] == "serve":
            command = ["serve"]
        ran = tocsin(*command, "--data", str(tmp_path))
        assert ran.status == 2
        assert names in ran.err
        assert ran.err.count("\n") == 1
    asked = tocsin("config", "check", "--json", "--data", str(tmp_path))
    assert asked.json["ok"] is False
    assert names in asked.json["error"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("tls_cert = '/no/cert.pem'\ntls_key = '/no/key.pem'", "/no/cert.pem"),
        ("host = 'not a host'", "not a host"),
        (f"{ISSUER}\njwks_url = 'http://id.example/keys'", "must be https"),
        (f"{ISSUER}\npublic_key = '/no/key.pem'", "/no/key.pem"),
    ],
)
def test_what_serve_would_not_start_with_is_not_good_to_check_nor_to_doctor(
    text: str, names: str, tmp_path: Path
) -> None:
    (tmp_path / "tocsin.toml").write_text(text + "\n")
    checked, examined = (tocsin(*command, "--data", str(tmp_path)) for command in (("config", "check"), ("doctor",)))
    assert (checked.status, checked.out, checked.err.count("\n")) == (2, "", 1)
    assert names in checked.err
    assert examined.status == 1
    assert names in examined.out
    assert tocsin("config", "show", "--data", str(tmp_path)).status == 0


@pytest.mark.parametrize(
    "beginning", ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED"]
)
def test_a_key_with_a_passphrase_is_called_that_with_how_to_take_it_off(beginning: str, tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text(f"{beginning}\n")
    env = {"TOCSIN_TLS_CERT": str(tmp_path / "cert.pem"), "TOCSIN_TLS_KEY": str(tmp_path / "key.pem")}
    ran = tocsin("config", "check", "--data", str(tmp_path), env=env)
    assert ran.status == 2
    assert f"openssl pkey -in {tmp_path / 'key.pem'}" in ran.err


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("TOCSIN_PORT", "abc", "a whole number from 0 to 65535"),
        ("TOCSIN_LIMITS__WRITER_QUEUE", "0", "a whole number from 1 to 2147483647"),
        ("TOCSIN_DEV", "maybe", "true or false"),
    ],
)
def test_a_variable_of_the_wrong_kind_is_named_with_what_it_holds_and_what_is_expected(
    variable: str, text: str, expected: str, tmp_path: Path
) -> None:
    ran = tocsin("config", "check", "--data", str(tmp_path), env={variable: text})

    assert ran.status == 2
    assert ran.err == f"tocsin: configuration: {variable}: expected {expected}, got {text!r}\n"


def test_what_serve_cannot_start_with_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    (tmp_path / "cert.pem").write_text("nonsense")
    (tmp_path / "key.pem").write_text("nonsense")
    cases = [
        ["--data", str(file)],
        ["--data", str(file / "below")],
        ["--data", "/proc/there/is/none"],
        ["--data", str(tmp_path / "a"), "--tls-cert", str(tmp_path / "no.pem"), "--tls-key", str(tmp_path / "key.pem")],
        [
            "--data",
            str(tmp_path / "a"),
            "--tls-cert",
            str(tmp_path / "cert.pem"),
            "--tls-key",
            str(tmp_path / "key.pem"),
        ],
        ["--data", str(tmp_path / "a"), "--dev", "--host", "0.0.0.0"],
    ]
    for options in cases:
        ran = tocsin("serve", "--port", str(free_port()), *options)
        assert ran.status == 2, (options, ran.err)
        assert ran.err.startswith("tocsin: ")
        assert ran.err.count("\n") == 1, ran.err
    # Nothing was made for a server that never started.
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("url", ["sqlite:///x", "db.example", "postgresql://tocsin:secret@db.example"])
def test_a_database_to_migrate_to_that_is_none_is_refused_without_being_repeated(url: str, tmp_path: Path) -> None:
    ran = tocsin("migrate-store", "--from", str(tmp_path), "--to", url)
    assert (ran.status, ran.out) == (2, "")
    assert "expected postgresql://" in ran.err
    assert url not in ran.err


@pytest.mark.parametrize("password", ["p@ss", "p#ss", "p/ss", "12/ss", "p?ss", "a@b/c"])
def test_a_password_that_has_to_be_percent_encoded_is_said_to_be_without_being_repeated(
    password: str, tmp_path: Path
) -> None:
    env = {"TOCSIN_DATABASE": f"postgresql://tocsin:{password}@db.invalid/tocsin"}
    ran = tocsin("config", "check", "--data", str(tmp_path), env=env)
    assert ran.status == 2
    assert "in a password, @ : / ? # and % are percent-encoded (%40 " in ran.err
    assert password not in ran.err
    for encoded in (quote(password, safe=""), "p:ss", ""):
        env = {"TOCSIN_DATABASE": f"postgresql://tocsin:{encoded}@db.invalid/tocsin?sslmode=disable"}
        assert tocsin("config", "check", "--data", str(tmp_path), env=env).status == 0


def test_serve_names_the_file_and_its_owner_where_that_is_what_is_wrong(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    (tmp_path / "tocsin.db").touch()
    refusal = not_opened(tmp_path / "tocsin.db", apsw.CantOpenError("unable to open database file"))
    assert refusal.sentence == f"{tmp_path / 'tocsin.db'}: cannot be opened: unable to open database file"
    os.chown(tmp_path / "tocsin.db", 65534, -1)
    refusal = not_opened(tmp_path / "tocsin.db", apsw.CantOpenError("unable to open database file"))
    assert f"tocsin.db in {tmp_path} belong to nobody" in refusal.sentence
    assert "chown -R" in refusal.sentence


def test_serve_on_a_file_system_that_is_read_only_says_so(tmp_path: Path) -> None:
    mount = f"{{ mount -t tmpfs tmpfs {tmp_path} && mount -o remount,ro {tmp_path}; }} || exit 99"
    script = ["unshare", "-m", "sh", "-c", f"{mount}; exec {PROGRAM} serve --data {tmp_path}"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    ran = subprocess.run(script, env=clean, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if ran.returncode == 99 or ran.stderr.startswith("unshare"):
        pytest.skip(f"nothing can be mounted here: {ran.stderr}")
    assert ran.returncode == 2
    assert f"{tmp_path / 'tocsin.lock'}: cannot be opened: its file system is mounted read-only" in ran.stderr
