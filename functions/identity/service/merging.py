"""Merging another own account into this one: proved, shown, confirmed within ten minutes, undone within seven days.

The one signed in is kept, the other is dropped: it stays as a row that nobody can use, so that undoing finds it. Identity's
part is done in the transaction of `confirm`; the other domains hear AccountsMerged and do theirs, each remembering what it
moved. Both accounts are locked in the order of their numbers, credentials first, as a login locks them.
docs/decisions/0041-merging-accounts.md says what moves, what does not, and why.
"""

from datetime import timedelta

from psycopg.errors import CheckViolation, UniqueViolation

from events.identity import AccountsMerged, AccountsParted
from functions.identity.errors import (
    InvalidCredentials,
    MergeBlocked,
    MergeExpired,
    MergeNotFound,
    MergeNotUndoable,
    MergeSameAccount,
)
from functions.identity.models import Client, Guesses
from functions.identity.schemas.merges import Conflict, Merged, MergeIn, MergeOut
from functions.identity.service import merged_parts, sessions
from functions.identity.service.attempts import Attempt, alone_with
from functions.identity.service.login import prove_code, prove_password
from functions.identity.store import credentials
from functions.identity.store import merges as store
from functions.identity.store.merges import Merge
from shared import clock
from shared.errors import Refusal, ValidationFailed
from shared.i18n import Locale, validation_sentence
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection

OPEN_SECONDS = 600
UNDO_DAYS = 7
REASONS: dict[str, tuple[str, str]] = {
    "staff": ("对方账号属于运营人员", "The other account is an operator's"),
    "banned": ("对方账号已被封禁", "The other account is banned"),
    "pending_deletion": ("对方账号正在注销", "The other account is being deleted"),
    "not_active": ("账号已停用", "One of the accounts is not active"),
    "open_order": ("对方账号有未支付的订单", "The other account has an order that is not paid yet"),
    "open_refund": ("对方账号有处理中的退款", "The other account has a refund under way"),
    "open_withdrawal": ("对方账号有处理中的提现", "The other account has a withdrawal under way"),
    "has_balance": ("对方账号有余额，请先用完", "The other account has a balance: spend it first"),
    "same_subscription": ("两个账号订阅了同一位创作者", "Both accounts subscribe to the same creator"),
    "subscribed_to_each_other": ("其中一个账号订阅了另一个账号", "One of the accounts subscribes to the other"),
    "publishes": (
        "对方账号有已发布的作品或在售的订阅方案，请登录该账号并合并本账号",
        "The other account has published works or plans: sign in there and merge this one into it",
    ),
    "different_person": ("两个账号实名认证为不同的人", "The two accounts were verified as different people"),
    "verification_pending": ("有待审核的认证申请", "A verification is waiting for review"),
    "recently_merged": ("其中一个账号在七天内合并过", "One of the accounts was merged within the last seven days"),
}


def start(db: Connection, uid: int, wanted: MergeIn, client: Client) -> MergeOut:
    """Prove that the other account is the caller's too, and show where the two differ.

    What is proved, counted and written down is that of a login, in a transaction that keeps the count of wrong guesses.
    Raises MergeSameAccount, InvalidCredentials, AccountLocked or MergeBlocked.
    """
    refusal: Refusal | None
    opened: MergeOut | None = None
    with alone_with(db, wanted.account, client) as tried:
        if tried.account and tried.account.uid == uid:
            raise MergeSameAccount
        refusal = _prove(tried, wanted)
        tried.watch_addresses()
        if refusal is None and tried.account:
            credentials.keep_guesses(db, tried.account.uid, Guesses())
            refusal = _blocked(db, uid, tried.account.uid)
            if refusal is None:
                opened = _open(db, uid, tried, "password" if wanted.password is not None else "code")
        tried.write_down("merge", refusal)
    if opened is None:
        raise refusal or InvalidCredentials()
    return opened


def confirm(db: Connection, uid: int, merge_id: int, choices: dict[str, str], locale: Locale) -> Merged:
    """Do it: what identity holds moves now, the dropped account is switched off and signed out, the domains are told.

    Raises MergeNotFound for a merge of anybody else, MergeExpired when it is not open any more, MergeBlocked for what came
    between, ValidationFailed for a choice about no conflict.
    """
    merge = _of(db, uid, merge_id)
    epoch = store.lock_both(db, merge.into_uid, merge.from_uid)
    now = clock.now()
    if store.hold(db, merge_id) != "open" or now >= merge.expires_at or epoch != merge.from_epoch:
        raise MergeExpired
    blocked = _blocked(db, uid, merge.from_uid)
    if blocked is not None:
        raise blocked
    known = {conflict.field for conflict in merged_parts.conflicts(db, uid, merge.from_uid)}
    if unknown := sorted(set(choices) - known):
        said = validation_sentence("extra_forbidden", {}, locale)
        raise ValidationFailed([{"field": f"body.choices.{field}", "message": said} for field in unknown])
    undo_until = now + timedelta(days=UNDO_DAYS)
    merged_parts.move(db, merge, {field for field, choice in choices.items() if choice == "drop"}, now)
    store.switch_off(db, merge.from_uid, now)
    store.settle(db, merge_id, undo_until, now)
    credentials.raise_token_epoch(db, merge.from_uid, now)
    outbox.record(
        db,
        AccountsMerged(
            event_id=new_ulid(),
            occurred_at=now,
            merge_id=merge_id,
            from_uid=merge.from_uid,
            into_uid=merge.into_uid,
            merged_at=now,
        ),
    )
    # Before the commit: a crash between the two leaves an account signed out, never a dropped one signed in.
    sessions.revoke_all(merge.from_uid)
    return Merged.model_construct(merged=True, undo_until=undo_until)


def undo(db: Connection, uid: int, merge_id: int) -> None:
    """Give back exactly what was moved. Money comes back in this very transaction, or nothing does.

    Raises MergeNotFound for a merge of anybody else, MergeNotUndoable when it is too late or what was moved is gone.
    """
    merge = _of(db, uid, merge_id)
    store.lock_both(db, merge.into_uid, merge.from_uid)
    now = clock.now()
    if store.hold(db, merge_id) != "merged" or merge.undo_until is None or now >= merge.undo_until:
        raise MergeNotUndoable
    try:
        merged_parts.give_back(db, merge, now)
        store.return_money(db, merge_id, merge.from_uid, merge.into_uid, now)
    except (UniqueViolation, CheckViolation) as error:
        raise MergeNotUndoable from error
    store.part(db, merge_id, now)
    usable = store.switch_on(db, merge.from_uid, now)
    if not usable or not (store.has_way_in(db, merge.into_uid) and store.has_way_in(db, merge.from_uid)):
        raise MergeNotUndoable
    outbox.record(
        db,
        AccountsParted(
            event_id=new_ulid(),
            occurred_at=now,
            merge_id=merge_id,
            from_uid=merge.from_uid,
            into_uid=merge.into_uid,
            parted_at=now,
        ),
    )


def _prove(tried: Attempt, wanted: MergeIn) -> Refusal | None:
    """As a login would; whatever is wrong with a code is told like a wrong password."""
    try:
        if wanted.password is not None:
            refusal = prove_password(tried, wanted.password)
        else:
            refusal = prove_code(tried, wanted.account, wanted.code or "")
    except Refusal:
        refusal = InvalidCredentials()
    return refusal or (None if tried.account else InvalidCredentials())


def _open(db: Connection, uid: int, tried: Attempt, proof: str) -> MergeOut:
    assert tried.account is not None  # noqa: S101 - narrows: only a proved account comes here
    expires_at = tried.at + timedelta(seconds=OPEN_SECONDS)
    merge_id = store.open_merge(db, uid, tried.account.uid, proof=proof, expires_at=expires_at, at=tried.at)
    differing: list[Conflict] = merged_parts.conflicts(db, uid, tried.account.uid)
    return MergeOut.model_construct(merge_id=merge_id, conflicts=differing, expires_in=OPEN_SECONDS)


def _blocked(db: Connection, into: int, dropped: int) -> MergeBlocked | None:
    found = store.blockers(db, into, dropped, clock.now())
    if not found:
        return None
    return MergeBlocked(reasons=[{"reason": one, "zh": REASONS[one][0], "en": REASONS[one][1]} for one in found])


def _of(db: Connection, uid: int, merge_id: int) -> Merge:
    merge = store.find(db, merge_id, uid)
    if merge is None:
        raise MergeNotFound
    return merge
