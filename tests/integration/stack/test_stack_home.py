"""The stack's files: closed to others, kept between starts, and apart between checkouts."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from arrears.errors import SettingsError
from arrears.local import free_port
from arrears.stack.home import StackHome


@pytest.fixture
def home(tmp_path: Path) -> StackHome:
    home = StackHome(tmp_path / "home")
    home.prepare()
    return home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("name", ["fernet_key", "jwt_secret", "api_secret_key", "gateway_token", "webhook_secret"])
def test_a_secret_is_made_once_and_closed_to_others(home: StackHome, name: str) -> None:
    first = home.secret(name)
    assert home.secret(name) == first
    assert len(first) >= 32
    assert mode(home.folder / name) == 0o600


def test_the_password_is_kept_closed(home: StackHome) -> None:
    password = home.admin_password()
    assert home.admin_password() == password
    assert mode(home.passwords) == 0o600


def test_the_folders_are_closed_to_others(home: StackHome) -> None:
    assert (mode(home.folder), mode(home.airflow)) == (0o700, 0o700)


def test_secrets_differ_between_checkouts(home: StackHome, tmp_path: Path) -> None:
    other = StackHome(tmp_path / "other")
    other.prepare()
    assert home.secret("jwt_secret") != other.secret("jwt_secret")
    assert home.admin_password() != other.admin_password()


def test_a_port_is_kept_while_it_is_free(home: StackHome) -> None:
    port = home.port("ui", None)
    assert home.port("ui", None) == port
    with socket.create_server(("127.0.0.1", port)):
        other = home.port("ui", None)
        assert other != port
    assert home.port("ui", None) == other


def test_two_services_have_two_ports(home: StackHome) -> None:
    assert home.port("gateway_http", None) != home.port("gateway_smtp", None)


def test_a_wanted_port_is_taken(home: StackHome) -> None:
    wanted = free_port()
    assert home.port("ui", wanted) == wanted


def test_a_wanted_port_that_is_taken_is_an_error_that_names_the_setting(home: StackHome) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SettingsError, match="ARREARS_UI_PORT"):
        home.port("ui", taken.getsockname()[1])


def test_a_second_stack_of_the_same_checkout_is_refused(home: StackHome) -> None:
    lock = home.acquire()
    with pytest.raises(SettingsError, match="make down"):
        StackHome(home.home).acquire()
    lock.release()
    home.acquire().release()


def test_what_is_kept_is_read_again_and_forgotten(home: StackHome) -> None:
    assert home.read("x.json") == {}
    home.write("x.json", {"port": 1})
    assert home.read("x.json") == {"port": 1}
    assert mode(home.folder / "x.json") == 0o600
    home.forget("x.json")
    assert home.read("x.json") == {}
