"""The providers that open an account: which they are, and taking one away."""

from functions.identity.errors import LastLoginMethod, OauthAccountNotFound
from functions.identity.providers import LinkedAccount, Provider
from functions.identity.store import oauth as store
from shared import clock
from shared.sql.connection import Connection


def linked(db: Connection, uid: int) -> list[LinkedAccount]:
    """The providers that open an account, in the order they were linked."""
    return store.linked(db, uid)


def unlink(db: Connection, uid: int, provider: Provider) -> None:
    """Take a provider away; call it in a transaction, since of two at once the second must see what the first left.

    Raises OauthAccountNotFound, or LastLoginMethod when nothing would be left to sign in with: no password, no verified
    address or number that takes a code, no other provider.
    """
    others = store.lock_ways_in(db, uid)
    providers = {account.provider for account in store.linked(db, uid)}
    if others is None or provider not in providers:
        raise OauthAccountNotFound
    if not (others.password or others.email or others.phone or providers - {provider}):
        raise LastLoginMethod
    store.unlink(db, uid, provider, clock.now())
