"""What vendors say of agreements, and what they are to be asked or told: stored as received, believed if signed, worked off
exactly once, in any order.

A vendor is never called inside a transaction: the intention is committed first, the outcome written after.
"""

import hashlib
from datetime import datetime, timedelta

from events.payments import DebitFailed
from functions.subscriptions.agreement_errors import SignatureInvalid
from functions.subscriptions.agreements import SIGNING_LIVES, AgreementChannel, verdict, wait_after
from functions.subscriptions.gateways.base import AgreementNotice, Ended, InForce, NoAnswer, NotBelievedError, NotInForce
from functions.subscriptions.gateways.registry import gateway
from functions.subscriptions.service import agreements as made
from functions.subscriptions.service import prenotices, renewal_answers
from functions.subscriptions.store import agreement_notices as notices
from functions.subscriptions.store import agreements as store
from functions.subscriptions.store.agreements import Agreement
from functions.subscriptions.store.rows import lock_user
from shared import clock, crypto, observe
from shared.errors import PayloadTooLarge
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.views.agreements import number_context

_LARGEST = 64 * 1024
_BATCH = 100
# A vendor that is down answers nobody: the run ends, the next one tries again.
_SILENCES = 3
_GRACE = timedelta(minutes=1)


def receive(channel: AgreementChannel, body: bytes) -> str:
    """Take in a notice: stored before it is believed, then worked off; the vendor's word of acknowledgement comes back.

    Raises SignatureInvalid.
    """
    if len(body) > _LARGEST:
        raise PayloadTooLarge(limit_bytes=_LARGEST)
    body_hash = hashlib.sha256(body).hexdigest()
    payload = crypto.encrypt(body.decode("latin-1"), _stored_as(channel, body_hash))
    with unit_of_work() as db:
        notice_id = notices.keep(db, channel, body_hash, payload, clock.now())
    try:
        told = gateway(channel).verify(body)
    except NotBelievedError as error:
        _disbelieve(notice_id, error)
        raise SignatureInvalid from error
    _process(notice_id, told)
    return gateway(channel).acknowledgement


def look_after() -> int:
    """What is left over: notices nobody finished, agreements that renew nothing, vendors to be asked or told, debits to be
    announced; how many.
    """
    now = clock.now()
    with reading() as db:
        unfinished = notices.unfinished(db, now - _GRACE, _BATCH)
        idle = store.users_with_unused(db, _BATCH)
    for notice_id in unfinished:
        _process_again(notice_id)
    for user_id in idle:
        with unit_of_work() as db:
            made.end_unused(db, user_id)
    return len(unfinished) + len(idle) + _ask_and_tell() + prenotices.tell()


def doubt(db: Connection, fact: DebitFailed) -> None:
    """A debit was refused because its agreement had ended: let the vendor be asked about that."""
    agreement_id = store.of_subscription(db, fact.target_id) if fact.kind == "renewal" else None
    if agreement_id is not None and fact.reason == "agreement_ended":
        found = store.find(db, agreement_id)
        if found is not None and found.status == "signed":
            store.look_at(db, agreement_id, clock.now(), clock.now())


def number_of(agreement: Agreement) -> str | None:
    """The vendor's number."""
    if agreement.agreement_no is None:
        return None
    return crypto.decrypt(agreement.agreement_no, number_context(agreement.external_no))


def work_off(db: Connection, notice_id: int, told: AgreementNotice, sealed: str) -> str | None:
    """Do once what a believed notice comes to, `sealed` being its number enveloped; None when that was done before."""
    notice = notices.hold(db, notice_id)
    if notice is None or notice.processed_at is not None:
        return None
    result = _apply(db, notice.channel, told, sealed)
    notices.finish(db, notice_id, verified=True, result=result, at=clock.now())
    return result


def _process(notice_id: int, told: AgreementNotice) -> None:
    sealed = crypto.encrypt(told.agreement_no, number_context(told.external_no))
    with unit_of_work() as db:
        result = work_off(db, notice_id, told, sealed)
    observe.info("agreement notice processed", notice_id=notice_id, result=result or "repeated")


def _process_again(notice_id: int) -> None:
    with unit_of_work() as db:
        notice = notices.hold(db, notice_id)
    if notice is None or notice.processed_at is not None:
        return
    body = crypto.decrypt(notice.payload, _stored_as(notice.channel, notice.body_hash)).encode("latin-1")
    try:
        told = gateway(notice.channel).verify(body)
    except NotBelievedError as error:
        _disbelieve(notice_id, error)
        return
    _process(notice_id, told)


def _apply(db: Connection, channel: AgreementChannel, told: AgreementNotice, sealed: str) -> str:
    """Do what a believed notice comes to; the subscriber and the agreement are held."""
    found = _held(db, told.external_no)
    if found is None or found.channel != channel:
        observe.warn("notice of an unknown agreement", channel=channel)
        return "unknown"
    now = clock.now()
    known = number_of(found)
    means = verdict(found.status, told.said, same_number=told.agreement_no == known)
    match means:
        case "sign":
            _sign(db, found, sealed, told.at or now, now)
        case "end":
            store.end(db, found.agreement_id, "vendor", now, owed=False, agreement_no=sealed if known is None else None)
        case "ask":
            store.look_at(db, found.agreement_id, now, now)
        case "undo":
            store.owe(db, found.agreement_id, sealed, now)
        case "confirm":
            store.settle(db, found.agreement_id, now)
    return means


def _held(db: Connection, external_no: str) -> Agreement | None:
    known = store.named(db, external_no)
    return None if known is None else _lock(db, *known)


def _lock(db: Connection, agreement_id: int, user_id: int) -> Agreement | None:
    """The subscriber first, as everywhere."""
    lock_user(db, user_id)
    return store.find(db, agreement_id)


def _sign(db: Connection, agreement: Agreement, sealed: str, signed_at: datetime, now: datetime) -> None:
    """The subscriber agreed: what waited for it is renewed by it, and what is being collected is tried by it."""
    store.signed(db, agreement.agreement_id, sealed, signed_at, now)
    for subscription_id in store.renewing_with(db, agreement.agreement_id):
        store.adopt(db, subscription_id, agreement.agreement_id, now)
        renewal_answers.means_changed(db, subscription_id)


def _ask_and_tell() -> int:
    done = silences = 0
    with reading() as db:
        due = store.due(db, clock.now(), _BATCH)
    for agreement in due:
        vendor = gateway(agreement.channel)
        if agreement.unsign_owed:
            said: InForce | NotInForce | Ended | NoAnswer = vendor.unsign(agreement.external_no, number_of(agreement))
        else:
            said = vendor.query(agreement.external_no)
        sealed = (
            crypto.encrypt(said.agreement_no, number_context(agreement.external_no)) if isinstance(said, InForce) else ""
        )
        with unit_of_work() as db:
            _write(db, agreement, said, sealed)
        silences = silences + 1 if isinstance(said, NoAnswer) else 0
        done += not isinstance(said, NoAnswer)
        if silences == _SILENCES:
            observe.warn("vendor of agreements is silent", channel=agreement.channel)
            break
    return done


def _write(db: Connection, asked: Agreement, said: InForce | NotInForce | Ended | NoAnswer, sealed: str) -> None:
    """Write what a vendor said, unless the agreement has changed since it was asked: then it is asked again."""
    now = clock.now()
    found = _lock(db, asked.agreement_id, asked.user_id)
    if found is None or (found.status, found.agreement_no, found.unsign_owed) != (
        asked.status,
        asked.agreement_no,
        asked.unsign_owed,
    ):
        return
    match said:
        case Ended():
            store.settle(db, found.agreement_id, now)
        case InForce(agreement_no, signed_at) if found.status == "signing":
            _sign(db, found, sealed, signed_at or now, now)
        case InForce(agreement_no, signed_at):
            same = agreement_no == number_of(found)
            store.signed(db, found.agreement_id, found.agreement_no or sealed if same else sealed, signed_at or now, now)
        case NotInForce() if found.status == "signed":
            store.end(db, found.agreement_id, "vendor", now, owed=False)
        case NotInForce() if found.created_at + SIGNING_LIVES <= now:
            store.end(db, found.agreement_id, "expired", now, owed=False)
        case _:
            store.look_at(db, found.agreement_id, now + wait_after(found.looks + 1), now, counts=True)


def _stored_as(channel: str, body_hash: str) -> crypto.Context:
    return {"table": "agreement_notices", "channel": channel, "body_hash": body_hash}


def _disbelieve(notice_id: int, error: NotBelievedError) -> None:
    observe.count("agreement_notice_not_believed")
    observe.warn("agreement notice not believed", notice_id=notice_id, reason=str(error))
    with unit_of_work() as db:
        notices.finish(db, notice_id, verified=False, result=str(error), at=clock.now())
