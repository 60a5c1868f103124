"""Accounts linked to providers, in SQL; journeys to a provider, in DynamoDB (table group `identity`)."""

from dataclasses import asdict
from datetime import datetime
from typing import ClassVar, cast

from psycopg.rows import class_row
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, DoesNotExist

from functions.identity.providers import Journey, LinkedAccount, Provider, ProviderAccount, Scene, WaysIn
from shared.dynamo.base import Item, meta
from shared.sql.connection import Connection

_STATE = "STATE"


class StateItem(Item):
    """pk `O#{state}`, sk `STATE`: a journey to a provider, until it comes back or `ttl` passes."""

    Meta = meta("identity")

    provider: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    scene: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    redirect_uri: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    pkce: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    nonce: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    uid: ClassVar[NumberAttribute] = NumberAttribute(null=True)
    session_id: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    ip: ClassVar[UnicodeAttribute] = UnicodeAttribute()


def keep_journey(journey: Journey, expires: int) -> None:
    """Remember a journey until `expires`, in epoch seconds."""
    StateItem(
        f"O#{journey.state}",
        _STATE,
        provider=journey.provider,
        scene=journey.scene,
        redirect_uri=journey.redirect_uri,
        pkce=journey.verifier,
        nonce=journey.nonce,
        uid=journey.uid,
        session_id=journey.session_id,
        ip=journey.ip,
        ttl=expires,
    ).save()


def end_journey(state: str, now: int) -> Journey | None:
    """Take a journey back, once: of many who bring the same state, one gets it. None when it is unknown or over."""
    try:
        item = StateItem.get(f"O#{state}", _STATE, consistent_read=True)
        StateItem(f"O#{state}", _STATE).delete(condition=StateItem.pk.exists())
    except DoesNotExist:
        return None
    except DeleteError as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise
        return None
    if int(item.ttl or 0) <= now:
        return None
    return Journey(
        state=state,
        provider=cast("Provider", item.provider),
        scene=cast("Scene", item.scene),
        redirect_uri=item.redirect_uri,
        verifier=item.pkce,
        nonce=item.nonce,
        uid=int(item.uid) if item.uid is not None else None,
        session_id=item.session_id,
        ip=item.ip,
    )


def owner(db: Connection, account: ProviderAccount) -> int | None:
    """The uid a provider's account opens, or None."""
    row = db.execute(
        """
        SELECT uid FROM identity.user_oauth
        WHERE provider = %s AND provider_user_id IN (%s, %s)
        ORDER BY provider_user_id = %s DESC LIMIT 1
        """,
        (account.provider, account.subject, account.former_subject, account.subject),
    ).fetchone()
    return int(row[0]) if row else None


def owner_of_verified_email(db: Connection, email: str) -> int | None:
    """The account that proved this address. One that merely wrote it down is not meant (see service/oauth.py)."""
    row = db.execute(
        """
        SELECT uid FROM identity.users
        WHERE lower(email) = %s AND email_verified_at IS NOT NULL AND status <> 'deleted'
        """,
        (email,),
    ).fetchone()
    return int(row[0]) if row else None


def is_email_known(db: Connection, email: str) -> bool:
    """Whether any account, of whatever state, has this address."""
    return db.execute("SELECT 1 FROM identity.users WHERE lower(email) = %s", (email,)).fetchone() is not None


def link(db: Connection, uid: int, account: ProviderAccount, at: datetime) -> None:
    """Let a provider's account open ours; one that does already gets its newest tokens, and its newer key.

    Raises UniqueViolation: `user_oauth_subject` when it opens another account, `user_oauth_one_each` when ours is opened
    by another account of the same provider. Tokens come encrypted.
    """
    db.execute(
        """
        WITH renewed AS (
            UPDATE identity.user_oauth SET provider_user_id = %(subject)s, union_id = coalesce(%(union_id)s, union_id),
                access_token = %(access_token)s, refresh_token = %(refresh_token)s, updated_at = %(at)s
            WHERE uid = %(uid)s AND provider = %(provider)s
                AND provider_user_id IN (%(subject)s, %(former_subject)s)
            RETURNING id
        ), linked AS (
            INSERT INTO identity.user_oauth (uid, provider, provider_user_id, union_id, access_token, refresh_token,
                linked_at, created_at, updated_at)
            SELECT %(uid)s, %(provider)s, %(subject)s, %(union_id)s, %(access_token)s, %(refresh_token)s,
                %(at)s, %(at)s, %(at)s
            WHERE NOT EXISTS (SELECT 1 FROM renewed)
            RETURNING id
        )
        UPDATE identity.users SET updated_at = %(at)s,
            google_id = CASE WHEN %(provider)s = 'google' THEN %(subject)s ELSE google_id END,
            google_linked_at = CASE WHEN %(provider)s = 'google' THEN coalesce(google_linked_at, %(at)s)
                               ELSE google_linked_at END,
            apple_id = CASE WHEN %(provider)s = 'apple' THEN %(subject)s ELSE apple_id END,
            apple_linked_at = CASE WHEN %(provider)s = 'apple' THEN coalesce(apple_linked_at, %(at)s)
                              ELSE apple_linked_at END
        WHERE uid = %(uid)s
        """,
        asdict(account) | {"uid": uid, "at": at},
    )


def note_newcomer(db: Connection, uid: int, provider: Provider, *, has_email: bool) -> None:
    """A new account came by a provider, which also vouches for its address if there is one."""
    db.execute(
        """
        UPDATE identity.users SET last_login_method = %(provider)s,
            email_verified_via = CASE WHEN %(has_email)s THEN %(provider)s ELSE email_verified_via END
        WHERE uid = %(uid)s
        """,
        {"uid": uid, "provider": provider, "has_email": has_email},
    )


def linked(db: Connection, uid: int) -> list[LinkedAccount]:
    """The providers that open an account, in the order they were linked."""
    with db.cursor(row_factory=class_row(LinkedAccount)) as cursor:
        return cursor.execute(
            "SELECT provider, linked_at FROM identity.user_oauth WHERE uid = %s ORDER BY linked_at, id", (uid,)
        ).fetchall()


def lock_ways_in(db: Connection, uid: int) -> WaysIn | None:
    """How else an account can be opened, held still until the transaction ends; None for an account that is not."""
    with db.cursor(row_factory=class_row(WaysIn)) as cursor:
        return cursor.execute(
            """
            SELECT c.password_hash IS NOT NULL AS password,
                   u.email IS NOT NULL AND u.email_verified_at IS NOT NULL AS email,
                   u.phone_number IS NOT NULL AND u.phone_verified_at IS NOT NULL AS phone
            FROM identity.user_auth c JOIN identity.users u ON u.uid = c.uid
            WHERE c.uid = %s AND u.status <> 'deleted' FOR UPDATE
            """,
            (uid,),
        ).fetchone()


def unlink(db: Connection, uid: int, provider: Provider, at: datetime) -> None:
    """A provider's account opens ours no longer."""
    db.execute(
        """
        WITH gone AS (
            DELETE FROM identity.user_oauth WHERE uid = %(uid)s AND provider = %(provider)s
        )
        UPDATE identity.users SET updated_at = %(at)s,
            google_id = CASE WHEN %(provider)s = 'google' THEN NULL ELSE google_id END,
            google_linked_at = CASE WHEN %(provider)s = 'google' THEN NULL ELSE google_linked_at END,
            apple_id = CASE WHEN %(provider)s = 'apple' THEN NULL ELSE apple_id END,
            apple_linked_at = CASE WHEN %(provider)s = 'apple' THEN NULL ELSE apple_linked_at END
        WHERE uid = %(uid)s
        """,
        {"uid": uid, "provider": provider, "at": at},
    )
