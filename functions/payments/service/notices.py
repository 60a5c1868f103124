"""Notices of gateways: stored as received, believed if signed, queued, and worked off exactly once."""

import hashlib
import json
import os
import re
from datetime import datetime, timedelta

from events.payments import TransferEnded
from functions.payments.errors import AmountMismatch, OrderNotFound, SignatureInvalid
from functions.payments.gateways.base import Acknowledgement, Ended, NotBelievedError, Notification, Paid, Posted
from functions.payments.gateways.registry import gateway
from functions.payments.models import Attempt, Channel, Notice, wait_after
from functions.payments.service.settlement import Evidence, settle
from functions.payments.store import attempts, cases, notices, orders, refunds
from shared import aws, clock, crypto, observe
from shared.errors import PayloadTooLarge
from shared.ids import new_ulid
from shared.money import Money
from shared.sql import outbox
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work

_LARGEST = 64 * 1024
_BATCH = 100
# The queue has this long before the sweeper takes a notice for lost.
_QUEUE_TIME = timedelta(minutes=1)
_PLAIN = re.compile(r"[\x21-\x7e]{1,128}")


def receive(channel: Channel, posted: Posted) -> Acknowledgement:
    """Take in a notice: stored before it is believed, then queued; the vendor's word of acknowledgement comes back.

    Raises SignatureInvalid, OrderNotFound or AmountMismatch; what a case can be made of has one by then.
    """
    if len(posted.body) > _LARGEST:
        raise PayloadTooLarge(limit_bytes=_LARGEST)
    notice = _store(channel, posted)
    try:
        said = gateway(channel).verify_notification(posted)
    except NotBelievedError as error:
        _disbelieve(notice, error)
        raise SignatureInvalid from error
    _admit(notice, said)
    return gateway(channel).acknowledgement


def _admit(notice: Notice, said: Notification) -> None:
    if said.transfer_no is not None:
        if notice.processed_at is None:
            _queue(notice.id)
        return
    with reading() as db:
        attempt = _attempt(db, notice.channel, said)
    if attempt is None:
        process(notice.id)
        raise OrderNotFound
    if isinstance(said.state, Paid) and said.state.amount != attempt.money:
        process(notice.id)
        raise AmountMismatch
    if notice.processed_at is None:
        _queue(notice.id)


def _attempt(db: Connection, channel: Channel, said: Notification) -> Attempt | None:
    """What it tells of: by our number; a refund made without us may know the payment by the channel's number only."""
    payment_no = said.payment_no or attempts.by_gateway_no(db, channel, said.gateway_no)
    return attempts.find(db, payment_no) if payment_no else None


def _store(channel: Channel, posted: Posted) -> Notice:
    told = {"headers": dict(posted.headers), "body": posted.body.decode("latin-1")}
    body_hash = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    payload = crypto.encrypt(json.dumps(told | {"at": posted.at.isoformat()}), _context(channel, body_hash))
    claimed = gateway(channel).claimed_id(posted)
    notify_id = claimed if _PLAIN.fullmatch(claimed) else ""
    with unit_of_work() as db:
        return notices.keep(db, channel, notify_id, body_hash, payload, at=posted.at, look_at=posted.at + _QUEUE_TIME)


def _opened(notice: Notice) -> Posted:
    """A stored notice as it arrived, and when: an old signature counted if it was fresh then."""
    stored = json.loads(crypto.decrypt(notice.payload, _context(notice.channel, notice.body_hash)))
    return Posted(stored["body"].encode("latin-1"), stored["headers"], datetime.fromisoformat(stored["at"]))


def _context(channel: str, body_hash: str) -> crypto.Context:
    return {"table": "payment_notices", "channel": channel, "body_hash": body_hash}


def _queue(notice_id: int) -> None:
    """Hand a notice to the queue; when that fails the sweeper finds it."""
    try:
        message = json.dumps({"notice_id": notice_id})
        aws.client("sqs").send_message(QueueUrl=os.environ["QUEUE_PAYMENT_NOTICES"], MessageBody=message)
    except Exception:  # noqa: BLE001 - whatever went wrong, the notice is stored
        observe.error("notice not queued", notice_id=notice_id)


def process(notice_id: int) -> None:
    """Do what a stored notice asks for; a notice that was worked off is left alone."""
    with reading() as db:
        notice = notices.find(db, notice_id)
    if notice is None or notice.processed_at is not None:
        return
    try:
        said = gateway(notice.channel).verify_notification(_opened(notice))
    except NotBelievedError as error:
        _disbelieve(notice, error)
        return
    at = clock.now()
    with unit_of_work() as db:
        result = _act(db, notice, said, at)
        notices.finish(db, notice.id, verified=True, result=result, at=at)
    observe.info("notice processed", notice_id=notice_id, result=result)


def sweep() -> int:
    """Work off notices whose queue message was lost, or that nobody finished; how many were."""
    done = 0
    with reading() as db:
        due = notices.due(db, clock.now(), _BATCH)
    for notice in due:
        try:
            process(notice.id)
        except Exception:  # noqa: BLE001 - one bad notice must not hold back the others
            observe.error("notice failed", notice_id=notice.id)
            with unit_of_work() as db:
                notices.try_again(db, notice.id, clock.now() + wait_after(notice.tries + 1))
        else:
            done += 1
    return done


def _act(db: Connection, notice: Notice, said: Notification, at: datetime) -> str:
    if said.transfer_no is not None:
        ended = TransferEnded(
            event_id=new_ulid(), occurred_at=at, channel=notice.channel, transfer_no=said.transfer_no, told_at=at
        )
        outbox.record(db, ended)
        return "told to who sent it"
    result = "nothing to do"
    if isinstance(said.state, Paid):
        evidence = Evidence(notice.channel, said.payment_no, said.state, said.notify_id, notice.payload)
        result = settle(db, evidence, at)
    elif isinstance(said.state, Ended):
        result = _close(db, said.payment_no, at)
    if said.refund_no is not None:
        _check_refund(db, notice, said, said.refund_no, at)
    return result


def _close(db: Connection, payment_no: str, at: datetime) -> str:
    orders.lock(db, payment_no=payment_no)
    attempts.close(db, payment_no, None, at)
    return "closed"


def _check_refund(db: Connection, notice: Notice, said: Notification, refund_no: str, at: datetime) -> None:
    """A notice of a refund credits nothing. One of ours is finished by its own query; one we never sent is a case."""
    if refunds.hurry(db, refund_no, at) or cases.is_ours_to_repay(db, said.payment_no):
        return
    attempt = _attempt(db, notice.channel, said)
    gateway_no = attempt.gateway_no if attempt else said.gateway_no
    amount = said.refunded or (attempt.money if attempt else Money(0))
    if said.refunded_total is not None:
        ours = refunds.total_of_payment(db, said.payment_no, amount.currency)
        amount = said.refunded_total - ours - cases.foreign_total(db, notice.channel, gateway_no, amount.currency)
        if amount <= Money(0):
            return
        if refund_no == said.payment_no:  # the channel gave it no number: the total tells it from those before
            refund_no = f"{refund_no}:{said.refunded_total.minor}"
    cases.open_case(
        db,
        "foreign_refund",
        refund_no,
        channel=notice.channel,
        order_no=attempt.order_no if attempt else None,
        gateway_no=gateway_no,
        amount=amount,
        at=at,
    )
    observe.count("payment_case_opened")


def _disbelieve(notice: Notice, error: NotBelievedError) -> None:
    observe.count("payment_notice_not_believed")
    observe.warn("notice not believed", notice_id=notice.id, reason=str(error))
    with unit_of_work() as db:
        notices.finish(db, notice.id, verified=False, result=str(error), at=clock.now())
