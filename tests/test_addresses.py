import pytest

from partnerhub.addresses import check_url, is_public_address
from partnerhub.errors import AddressNotAllowed


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_public(address):
    assert is_public_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "2002:7f00:1::1",
        "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "::127.0.0.1", "::ffff:0:127.0.0.1", "fec0::1",
    ],
)  # fmt: skip
def test_an_address_inside_is_not_public_however_it_is_written(address):
    assert not is_public_address(address)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://publisher.example/", "it must begin with http:// or https://."),
        ("//publisher.example/", "it must begin with http:// or https://."),
        ("javascript:alert(1)", "it must begin with http:// or https://."),
        ("https://hub:secret@publisher.example/", "it holds a user name or password."),
        ("https:///landing", "it names no host."),
        ("https://publisher.example:99999/", "Port out of range 0-65535."),
        ("https://publisher.example/a b", "it holds a space, a backslash or a control character."),
        ("https://publisher.example\\@localhost/", "it holds a space, a backslash or a control character."),
    ],
)
def test_what_is_no_web_address_is_refused_even_where_private_ones_are_allowed(url, problem):
    with pytest.raises(AddressNotAllowed) as refusal:
        check_url(url, allow_private=True)

    assert refusal.value.values["problem"] == problem


def test_a_password_in_an_address_is_not_repeated():
    with pytest.raises(AddressNotAllowed) as refusal:
        check_url("https://hub:hunter2@publisher.example/landing", allow_private=True)

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433", "169.254.169.254"])
def test_a_private_host_is_refused_unless_it_is_allowed(host):
    check_url(f"http://{host}:8001/landing", allow_private=True)

    with pytest.raises(AddressNotAllowed) as refusal:
        check_url(f"http://{host}:8001/landing", allow_private=False)

    assert "is not public" in refusal.value.values["problem"]


def test_every_address_of_a_name_must_be_public(monkeypatch):
    answers = [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.7", 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_options: answers)

    with pytest.raises(AddressNotAllowed) as refusal:
        check_url("https://rebind.example/landing?token=x", allow_private=False)

    assert refusal.value.values["problem"] == "its host's address 10.0.0.7 is not public."
    assert "token" not in str(refusal.value)


def test_an_unknown_host_is_refused():
    with pytest.raises(AddressNotAllowed) as refusal:
        check_url("https://publisher.invalid/", allow_private=False)

    assert refusal.value.values["problem"] == "the host publisher.invalid is not known."
