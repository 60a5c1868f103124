"""Sessions in DynamoDB, written here and read by every function (shared/dynamo/sessions.py)."""

from collections.abc import Sequence

from pynamodb.exceptions import DeleteError, DoesNotExist, UpdateError
from pynamodb.expressions.update import Action

from functions.identity.models import Client
from shared.dynamo.base import condition_failed
from shared.dynamo.sessions import SessionItem, session_key, user_key


def put(
    uid: int,
    session_id: str,
    *,
    kind: str,
    roles: Sequence[str],
    permissions: Sequence[str],
    locale: str,
    epoch: int,
    client: Client,
    refresh_hash: str,
    now: int,
    expires: int,
) -> None:
    """Open a session; times in epoch seconds."""
    SessionItem(
        user_key(uid),
        session_key(session_id),
        uid=uid,
        kind=kind,
        roles=list(roles),
        permissions=list(permissions),
        locale=locale,
        epoch=epoch,
        device_id=client.device_id,
        device_type=client.device_type,
        app_version=client.app_version,
        ip=client.ip,
        user_agent=client.user_agent,
        refresh_hash=refresh_hash,
        created_at=now,
        last_seen_at=now,
        ttl=expires,
    ).save()


def find(uid: int, session_id: str) -> SessionItem | None:
    """The session as it is now, or None."""
    try:
        return SessionItem.get(user_key(uid), session_key(session_id), consistent_read=True)
    except DoesNotExist:
        return None


def rotate(
    item: SessionItem,
    *,
    old_hash: str,
    new_hash: str,
    roles: Sequence[str],
    permissions: Sequence[str],
    now: int,
    expires: int,
) -> bool:
    """Replace the refresh token; False when it was not the current one any more, or the session has ended."""
    try:
        item.update(
            [
                SessionItem.refresh_hash.set(new_hash),
                SessionItem.previous_hash.set(old_hash),
                SessionItem.rotated_at.set(now),
                SessionItem.last_seen_at.set(now),
                SessionItem.roles.set(list(roles)),
                SessionItem.permissions.set(list(permissions)),
                SessionItem.ttl.set(expires),
                SessionItem.state.set("active"),
                SessionItem.banned_until.remove(),
            ],
            condition=SessionItem.refresh_hash == old_hash,
        )
    except UpdateError as error:
        if not condition_failed(error):
            raise
        return False
    return True


def end(uid: int, session_id: str) -> bool:
    """End one session; False when it had ended already."""
    try:
        SessionItem(user_key(uid), session_key(session_id)).delete(condition=SessionItem.pk.exists())
    except DeleteError as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise
        return False
    return True


def all_of(uid: int) -> list[SessionItem]:
    """Every session of a user."""
    return list(SessionItem.query(user_key(uid), SessionItem.sk.startswith(session_key("")), consistent_read=True))


def id_of(item: SessionItem) -> str:
    """The id of a session item."""
    return str(item.sk).removeprefix(session_key(""))


def follow_account(item: SessionItem, roles: Sequence[str], locale: str) -> None:
    """Change what a live session may, and its language; one that ended meanwhile stays ended."""
    _change(item, SessionItem.roles.set(list(roles)), SessionItem.locale.set(locale))


def follow_staff(item: SessionItem, roles: Sequence[str], permissions: Sequence[str], epoch: int) -> None:
    """What an operator may has changed: the session says so at once, and tokens that tell otherwise must be refreshed."""
    _change(
        item,
        SessionItem.roles.set(list(roles)),
        SessionItem.permissions.set(list(permissions)),
        SessionItem.epoch.set(epoch),
        SessionItem.perms_v.set(epoch),
    )


def carry_over(item: SessionItem, epoch: int) -> None:
    """Let a session live on in a new epoch of its account's tokens."""
    _change(item, SessionItem.epoch.set(epoch))


def ban(item: SessionItem, until: int | None) -> None:
    """Refuse every request of the session; until then (epoch seconds), or for good."""
    end = SessionItem.banned_until.remove() if until is None else SessionItem.banned_until.set(until)
    _change(item, SessionItem.state.set("banned"), end)


def lift_ban(item: SessionItem) -> None:
    """Let the session count again."""
    _change(item, SessionItem.state.set("active"), SessionItem.banned_until.remove())


def _change(item: SessionItem, *actions: Action) -> None:
    """Change a live session; one that ended meanwhile stays ended."""
    try:
        item.update(list(actions), condition=SessionItem.pk.exists())
    except UpdateError as error:
        if not condition_failed(error):
            raise
