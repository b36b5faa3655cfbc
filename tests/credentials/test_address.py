"""The address of whoever asks, as far as it can be believed."""

import pytest

from tocsin.config import Config
from tocsin.credentials.address import address_bucket, client_address, parse_networks
from tocsin.request import Request

TRUSTED = ["127.0.0.1", "10.0.0.0/8", "::1", "fd00::/8"]
CLIENT = "203.0.113.9"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        # not from a trusted proxy: ignored, whatever it says
        (CLIENT, [], CLIENT),
        (CLIENT, ["127.0.0.1"], CLIENT),
        (CLIENT, ["198.51.100.1, 10.0.0.1"], CLIENT),
        ("2001:db8::5", ["198.51.100.1"], "2001:db8::5"),
        # one trusted proxy
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", [CLIENT], CLIENT),
        ("127.0.0.1", [f"  {CLIENT}\t"], CLIENT),
        ("::1", ["2001:db8::9"], "2001:db8::9"),
        ("::ffff:127.0.0.1", [CLIENT], CLIENT),
        # what the client itself wrote stands left and is not believed
        ("127.0.0.1", [f"198.51.100.1, {CLIENT}"], CLIENT),
        ("127.0.0.1", [f"127.0.0.1, 10.0.0.1, {CLIENT}"], CLIENT),
        # three hops of trusted proxies
        ("127.0.0.1", [f"198.51.100.1, {CLIENT}, 10.1.1.1, 10.2.2.2"], CLIENT),
        ("127.0.0.1", ["198.51.100.1", CLIENT, "10.1.1.1,10.2.2.2"], CLIENT),
        ("127.0.0.1", [f"198.51.100.1, {CLIENT}", "fd00::1"], CLIENT),
        ("127.0.0.1", ["10.3.3.3, 10.1.1.1"], "10.3.3.3"),
        # an entry that is no address ends the walk at the proxy that wrote it
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", [f"{CLIENT}, unknown, 10.1.1.1"], "10.1.1.1"),
        ("127.0.0.1", [f"{CLIENT},"], "127.0.0.1"),
        ("127.0.0.1", [f"{CLIENT},,10.1.1.1"], "10.1.1.1"),
        ("127.0.0.1", [f"{CLIENT};10.1.1.1"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.999"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.09"], "127.0.0.1"),
        ("127.0.0.1", ["3405803785"], "127.0.0.1"),
        ("127.0.0.1", ["<script>"], "127.0.0.1"),
        ("127.0.0.1", ["\u0662\u0660\u0663.0.113.9"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9%eth0"], "127.0.0.1"),
        # forms that proxies write
        ("127.0.0.1", [f"{CLIENT}:51234"], CLIENT),
        ("127.0.0.1", ["[2001:db8::9]:51234"], "2001:db8::9"),
        ("127.0.0.1", ["[2001:db8::9]"], "2001:db8::9"),
        ("127.0.0.1", ['"[2001:db8::9]:51234"'], "2001:db8::9"),
        ("127.0.0.1", ["2001:DB8:0:0::9"], "2001:db8::9"),
        ("127.0.0.1", [f"::ffff:{CLIENT}"], CLIENT),
        ("127.0.0.1", ["::ffff:10.1.1.1"], "10.1.1.1"),
        ("127.0.0.1", ["fe80::1%eth0"], "fe80::1"),
        # a Unix socket has no address
        ("", [CLIENT], ""),
    ],
)
def test_the_rightmost_untrusted_hop_counts(peer: str, forwarded_for: list[str], expected: str) -> None:
    assert client_address(peer, forwarded_for, parse_networks(TRUSTED)) == expected


@pytest.mark.parametrize(
    ("peer", "scheme"),
    [("127.0.0.1", "https"), ("::ffff:127.0.0.1", "https"), ("10.9.9.9", "https"), (CLIENT, "http"), ("", "http")],
)
def test_a_proxy_says_what_its_client_sees_also_through_a_socket_of_both_families(peer: str, scheme: str) -> None:
    scope = {"scheme": "http", "client": (peer, 1), "headers": [(b"x-forwarded-proto", b"https")]}
    assert Request(scope, Config(trusted_proxies=[*TRUSTED])).scheme == scheme


def test_without_trusted_proxies_the_header_means_nothing() -> None:
    for peer in ("127.0.0.1", "::1", CLIENT):
        assert client_address(peer, ["198.51.100.1"], []) == peer


def test_a_header_full_of_trusted_hops_comes_to_an_end() -> None:
    hops = ",".join(["10.1.1.1"] * 1800)
    assert client_address("127.0.0.1", [hops], parse_networks(TRUSTED)) == "10.1.1.1"


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.0/33", "10.0.0.0-10.0.0.9", "*"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_networks([text])


@pytest.mark.parametrize(
    ("address", "bucket"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("somewhere", "somewhere"),
    ],
)
def test_what_counts_as_one_address(address: str, bucket: str) -> None:
    assert address_bucket(address) == bucket
