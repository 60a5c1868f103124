"""Signing in, registering and binding with an account at a provider.

A journey begins with a random `state`, good once and for ten minutes, which remembers everything the return must fit: the
provider (so that one provider's code is never shown to another), where to, the PKCE verifier, the nonce, and for a binding
the account and the session that asked. Whoever returns without a token to a binding must come from the address it began at:
else somebody could let a stranger agree at the provider, and so have the stranger's account open his own.

An address links to an existing account only when both sides have proved it: the provider says so, and our account confirmed
it by a code. An account that merely wrote the address down may have been opened by somebody who waits for its real owner
(pre-hijacking): it is left alone, and the newcomer gets an account of his own without an address, which he can bind by a
code once it is free, or have merged. Nothing is taken from anyone by a claim.

The provider is asked before the transaction begins, so that a crash in between leaves nothing at all. The answer of a
provider stays a stranger's word until its client, nonce and signature were checked (gateways/).
"""

import re
from dataclasses import replace

from psycopg.errors import UniqueViolation

from events.identity import UserRegistered
from functions.identity.errors import (
    AccountDeactivated,
    OauthAlreadyBound,
    OauthProviderError,
    OauthStateInvalid,
    RedirectUriNotAllowed,
)
from functions.identity.gateways.oauth_base import Away, Declined
from functions.identity.gateways.oauth_registry import gateway
from functions.identity.handles import new_invitation_code, new_username
from functions.identity.models import Client, NewAccount
from functions.identity.providers import Journey, Provider, ProviderAccount, Return, Scene, random_word
from functions.identity.schemas.accounts import TokenPair
from functions.identity.schemas.oauth import Authorization, OauthBound, OauthTokens
from functions.identity.service import life, sessions
from functions.identity.service.attempts import alone_with
from functions.identity.store import accounts, logins
from functions.identity.store import oauth as store
from shared import clock, crypto, observe
from shared.breaker import breaker
from shared.caller import Caller, caller_of
from shared.errors import AccountBanned, Refusal, RequestInProgress, TokenRevoked, Unauthenticated
from shared.i18n import Locale
from shared.ids import new_ulid
from shared.settings import Settings
from shared.sql import outbox
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work

STATE_SECONDS = 600
_STATE = re.compile(r"[A-Za-z0-9_-]{43}")
_ATTEMPTS = 5
"""Of several who arrive at once as one newcomer, each but the first is told so by an index, and looks again."""


def callback_url(provider: Provider) -> str:
    """The API's own callback, where a person is sent back to unless the client wants another registered address."""
    return f"{Settings.load().public_url}/api/v1/auth/oauth/{provider}/callback"


def begin(
    provider: Provider, scene: Scene, redirect_uri: str | None, viewer: Caller | None, client: Client
) -> Authorization:
    """Start a journey. Raises Unauthenticated (binding without a token), ProviderNotConfigured or RedirectUriNotAllowed."""
    if scene == "bind" and viewer is None:
        raise Unauthenticated
    own = callback_url(provider)
    binder = viewer if scene == "bind" else None
    journey = Journey(
        state=random_word(),
        provider=provider,
        scene=scene,
        redirect_uri=redirect_uri or own,
        verifier=random_word(),
        nonce=random_word(),
        uid=binder.uid if binder else None,
        session_id=binder.session_id if binder else None,
        ip=client.ip,
    )
    vendor = gateway(provider)
    address = vendor.authorize_url(journey)
    if journey.redirect_uri != own and journey.redirect_uri not in vendor.redirect_uris:
        raise RedirectUriNotAllowed
    store.keep_journey(journey, int(clock.now().timestamp()) + STATE_SECONDS)
    return Authorization.model_construct(authorize_url=address, state=journey.state, expires_in=STATE_SECONDS)


def finish(
    provider: Provider, back: Return, viewer: Caller | None, client: Client, locale: Locale
) -> OauthTokens | OauthBound:
    """End a journey: tokens of an account, old or new, or a binding.

    Raises OauthStateInvalid, OauthProviderError, ServiceDegraded (the provider is away for a while), OauthAlreadyBound or
    AccountBanned.
    """
    journey = _journey(provider, back, viewer, client)
    account = _sealed(_ask(journey, back))
    if journey.scene == "bind":
        _bind(journey, account)
        return OauthBound.model_construct(provider=provider, bound=True)
    pair, is_new = _enter(account, client, locale)
    return OauthTokens.model_construct(**dict(pair), is_new_user=is_new)


def _journey(provider: Provider, back: Return, viewer: Caller | None, client: Client) -> Journey:
    """The journey this is the return of; it is over now, whatever follows. Raises OauthStateInvalid."""
    journey = store.end_journey(back.state, int(clock.now().timestamp())) if _STATE.fullmatch(back.state) else None
    if journey is None or journey.provider != provider:
        raise OauthStateInvalid
    if journey.scene == "bind":
        if viewer is not None and viewer.uid != journey.uid:
            raise OauthStateInvalid
        if viewer is None and client.ip != journey.ip:
            raise OauthStateInvalid
        try:
            caller_of(journey.uid or 0, journey.session_id or "")
        except TokenRevoked as error:
            raise OauthStateInvalid from error
    return journey


def _ask(journey: Journey, back: Return) -> ProviderAccount:
    """Who the provider says came back. Raises OauthProviderError, telling what a client may know and no more."""
    provider = journey.provider
    if back.code is None:
        raise OauthProviderError(provider=provider, reason="denied")
    try:
        with breaker(f"oauth.{provider}").guard(Away):
            return gateway(provider).identify(journey, back)
    except Away as away:
        observe.warn("provider away", provider=provider, reason=str(away))
        raise OauthProviderError(provider=provider, reason="unavailable") from None
    except Declined as declined:
        observe.warn("provider declined", provider=provider, reason=declined.reason, vendor_code=declined.vendor_code)
        raise OauthProviderError(provider=provider, reason=declined.reason, provider_code=declined.vendor_code) from None


def _sealed(account: ProviderAccount) -> ProviderAccount:
    """The same with its tokens encrypted, each for its own row and column."""

    def seal(token: str | None, column: str) -> str | None:
        row = {"table": "user_oauth", "provider": account.provider, "subject": account.subject, "column": column}
        return None if token is None else crypto.encrypt(token, row)

    return replace(
        account,
        access_token=seal(account.access_token, "access_token"),
        refresh_token=seal(account.refresh_token, "refresh_token"),
    )


def _bind(journey: Journey, account: ProviderAccount) -> None:
    """Link to the account that asked; once more is as good as once. Raises OauthAlreadyBound or AccountBanned."""
    uid, now = journey.uid or 0, clock.now()
    try:
        with unit_of_work() as db:
            person = accounts.find_person(db, uid)
            if person is None:
                raise OauthStateInvalid
            if person.is_banned(now):
                raise AccountBanned(ban_reason=person.ban_reason, ban_end_time=person.ban_end_time)
            store.link(db, uid, account, now)
    except UniqueViolation as error:
        raise OauthAlreadyBound from error


def _enter(account: ProviderAccount, client: Client, locale: Locale) -> tuple[TokenPair, bool]:
    """The tokens of an account, and whether it is new. Raises OauthAlreadyBound or AccountBanned, linking nothing."""
    for _ in range(_ATTEMPTS):
        try:
            with unit_of_work() as db:
                uid = _known(db, account)
                entered = _admit(db, uid, account, client) if uid else _register(db, account, client, locale)
        except UniqueViolation as error:
            if error.diag.constraint_name == "user_oauth_one_each":
                raise OauthAlreadyBound from error
            continue
        if isinstance(entered, Refusal):
            raise entered
        return entered, uid is None
    raise RequestInProgress(retry_after=1)


def _known(db: Connection, account: ProviderAccount) -> int | None:
    """The account this opens: the linked one, else the one with the same address proved on both sides."""
    uid = store.owner(db, account)
    if uid is not None and accounts.find_person(db, uid) is None:
        store.unlink(db, uid, account.provider, clock.now())  # the account was deleted: its owner starts anew
        uid = None
    if uid is None and account.email:
        uid = store.owner_of_verified_email(db, account.email)
    return uid


def _admit(db: Connection, uid: int, account: ProviderAccount, client: Client) -> TokenPair | Refusal:
    """Let the owner in, or say why not; either is written down. A left account is taken up again: its owner came by,
    and may have no other way in. A lock-out is about guessed passwords, and of those none was needed.
    """
    with alone_with(db, uid, client) as tried:
        owner = tried.account
        if owner is None:  # deleted in this very moment
            return OauthStateInvalid()
        tried.watch_addresses()
        if owner.is_banned(tried.at):
            banned = AccountBanned(ban_reason=owner.ban_reason, ban_end_time=owner.ban_end_time)
            tried.write_down(account.provider, banned)
            return banned
        if not owner.is_active:
            tried.write_down(account.provider, AccountDeactivated())
            return AccountDeactivated()
        store.link(db, uid, account, tried.at)
        tried.note_success(account.provider)
        if owner.status in life.LEFT:
            life.reactivate(db, owner)
        tried.write_down(account.provider, None)
        return _open(db, uid, client)


def _register(db: Connection, account: ProviderAccount, client: Client, locale: Locale) -> TokenPair:
    """A new account without a password; with the address if the provider verified it and nobody has it."""
    now = clock.now()
    email = account.email if account.email and not store.is_email_known(db, account.email) else None
    username = new_username()
    uid = accounts.insert_account(
        db,
        NewAccount(
            email=email,
            phone=None,
            verified=email is not None,
            username=username,
            display_name=account.name or username,
            password_hash=None,
            invitation_code=new_invitation_code(),
            invited_by=None,
            locale=locale,
            client=client,
            at=now,
        ),
    )
    store.link(db, uid, account, now)
    store.note_newcomer(db, uid, account.provider, has_email=email is not None)
    outbox.record(db, UserRegistered(event_id=new_ulid(), occurred_at=now, uid=uid, locale=locale, registered_at=now))
    logins.log(uid, account.provider, client)
    return _open(db, uid, client)


def _open(db: Connection, uid: int, client: Client) -> TokenPair:
    """The session, opened while the account is held: what ends all sessions comes before it, or finds it."""
    person = accounts.find_person(db, uid)
    assert person is not None  # noqa: S101 - held or just stored
    return sessions.open_session(db, person, client)
