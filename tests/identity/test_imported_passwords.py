"""bcrypt hashes of another system are believed at the next sign-in, and are argon2id from then on."""

from collections.abc import Callable
from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher

from shared import passwords
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.identity.conftest import PASSWORD, log_in

Register = Callable[..., dict[str, Any]]
STORED = "SELECT password_hash FROM identity.user_auth"


def imported(house: House, password: str = PASSWORD, prefix: bytes = b"2b") -> str:
    raw = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4))
    text = raw.replace(b"$2b$", b"$" + prefix + b"$", 1).decode()
    house.sql("UPDATE identity.user_auth SET password_hash = %s", (text,))
    return text


@pytest.mark.parametrize("prefix", [b"2a", b"2b", b"2y"])
def test_an_imported_hash_signs_in_once_and_is_argon2id_then(
    auth_api: Api, register: Register, house: House, prefix: bytes
) -> None:
    register()
    imported(house, prefix=prefix)
    assert log_in(auth_api).status == 200
    ((stored,),) = house.sql(STORED)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert log_in(auth_api).status == 200
    assert house.sql(STORED) == [(stored,)]


def test_a_wrong_password_leaves_the_imported_hash(auth_api: Api, register: Register, house: House) -> None:
    register()
    text = imported(house)
    assert log_in(auth_api, password="wrong horse 1").error == (401, "invalid_credentials")
    assert house.sql(STORED) == [(text,)]


def test_a_refused_sign_in_stores_nothing_new(auth_api: Api, register: Register, house: House) -> None:
    register()
    text = imported(house)
    house.sql("UPDATE identity.users SET status = 'banned'")
    assert log_in(auth_api).error == (403, "account_banned")
    assert house.sql(STORED) == [(text,)]


def test_bcrypt_never_looked_beyond_72_bytes(auth_api: Api, register: Register, house: House) -> None:
    register()
    long = "密码" * 20 + " 1"
    imported(house, long)
    assert log_in(auth_api, password=long).status == 200
    assert log_in(auth_api, password=long[:-1]).error == (401, "invalid_credentials")


@pytest.mark.parametrize("broken", ["$2b$", "$2b$04$short", "!", ""])
def test_a_hash_that_is_none_matches_nothing(broken: str) -> None:
    assert not passwords.matches(broken, "")
    assert not passwords.matches(broken, broken)


def test_a_hash_of_a_lower_cost_is_outdated_and_ours_is_not() -> None:
    assert passwords.is_outdated(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))
    assert not passwords.is_outdated(passwords.hashed("x"))
    assert not passwords.is_outdated(None)
