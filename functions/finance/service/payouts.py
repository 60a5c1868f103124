"""The steps of the withdrawal's workflow. Each may die anywhere and be repeated: intention, vendor, outcome, in that order,
each in its own transaction, and what to do next is read from the rows.
"""

from datetime import timedelta
from typing import Any

from events.finance import WithdrawalEnded
from functions.finance import models, workflow
from functions.finance.gateways.base import Payout, Payouts, Said
from functions.finance.models import Step, Transfer, Withdrawal
from functions.finance.service import holds, merging
from functions.finance.service.requests import Target
from functions.finance.store import withdrawals
from shared import clock, observe
from shared.ids import new_ulid
from shared.money import Money
from shared.sql import outbox
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work
from shared.sql.tunables import tunable

# A call whose answer was lost may still be on its way: within this time the vendor's "never got it" is not believed.
_IN_FLIGHT = timedelta(seconds=60)
_WORTH_A_LOOK = 20


class UnknownWithdrawalError(Exception):
    """A workflow was started for a request that does not exist."""


def assess(withdrawal_id: int) -> dict[str, Any]:
    """The risk check (rules.md §7): unverified is rejected; large or with an open reversal waits for a person."""
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        if withdrawal.status != "pending":
            return models.as_json(withdrawal_id, _next(db, withdrawal))
        now = clock.now()
        standing = withdrawals.standing(db, withdrawal.creator_id, models.day_start(models.shanghai_day(now)))
        if not standing.identity_approved:
            end(db, withdrawal, "rejected", comment="identity_not_verified")
            return models.as_json(withdrawal_id, ("end", 0))
        if standing.owes or withdrawal.amount > tunable(db, "finance.withdraw_approval_above"):
            observe.info("withdrawal waits for a decision", withdrawal_id=withdrawal_id)
            return {"withdrawal_id": withdrawal_id, "next": "review", "wait_seconds": 0}
        withdrawals.move(db, withdrawal_id, "approved", now, comment="auto_approved")
        return models.as_json(withdrawal_id, ("send", 0))


def await_decision(withdrawal_id: int, task_token: str) -> None:
    """Keep the token of the waiting execution; when the decision was faster, deliver it at once."""
    with unit_of_work() as db:
        _locked(db, withdrawal_id)
        withdrawals.keep_token(db, withdrawal_id, task_token)
    workflow.deliver(withdrawal_id)


def send(withdrawal_id: int, payouts: Payouts) -> dict[str, Any]:
    """Give the vendor a new number, if none is open; after an open one is asked first."""
    payout: Payout | None = None
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        if _next(db, withdrawal)[0] == "send":
            payout = _payout(withdrawal, new_ulid())
            withdrawals.open_transfer(db, withdrawal, payout.transfer_no, clock.now())
            if withdrawal.status == "approved":
                withdrawals.move(db, withdrawal_id, "processing", clock.now())
    if payout is None:
        return poll(withdrawal_id, payouts)
    return _record(withdrawal_id, payout.transfer_no, payouts.send(payout))


def poll(withdrawal_id: int, payouts: Payouts) -> dict[str, Any]:
    """Ask what became of the open number; one the vendor never got is sent again as it was. Unknown stays open."""
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        transfer = _open_one(db, withdrawal)
        if transfer is None:
            return models.as_json(withdrawal_id, _next(db, withdrawal))
    said = payouts.ask(transfer.transfer_no)
    if said is None:
        if clock.now() - transfer.updated_at < _IN_FLIGHT:
            said = Said("open", sentence="not there yet")
        else:
            with unit_of_work() as db:
                withdrawals.sent_again(db, transfer.transfer_no, clock.now())
            said = payouts.send(_payout(withdrawal, transfer.transfer_no))
    if transfer.asked >= _WORTH_A_LOOK:
        observe.warn("payout is still unknown", withdrawal_id=withdrawal_id, asked=transfer.asked)
        observe.count("payout_unknown")
    return _record(withdrawal_id, transfer.transfer_no, said)


def finish(withdrawal_id: int) -> dict[str, Any]:
    """Post the payout or give the money back, exactly once, by what the numbers came to."""
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        step = _next(db, withdrawal)
        if step[0] != "finish":
            return models.as_json(withdrawal_id, step)
        last = withdrawals.transfers(db, withdrawal_id, withdrawal.hold_no)[-1]
        if last.status == "succeeded":
            end(db, withdrawal, "paid", payout_no=last.gateway_no)
        else:
            end(db, withdrawal, "failed", comment=last.code)
        return models.as_json(withdrawal_id, ("end", 0))


def end(
    db: Connection,
    withdrawal: Withdrawal,
    status: str,
    *,
    actor: int | None = None,
    comment: str | None = None,
    payout_no: str | None = None,
    channel: str | None = None,
) -> None:
    """The final state of a held request, with its entry and its fact. The caller holds the row and knows it is open."""
    now = clock.now()
    if status == "paid":
        holds.pay(db, withdrawal, channel or withdrawal.method, now)
    else:
        holds.give_back(db, withdrawal, now)
    withdrawals.move(db, withdrawal.withdrawal_id, status, now, actor=actor, comment=comment, payout_no=payout_no)
    _announce(db, withdrawal, status)


def notice_return(withdrawal_id: int, payouts: Payouts) -> bool:
    """Ask after a paid request; when the money came back, it is available again. True when it had."""
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        paid = _paid_one(db, withdrawal)
    if paid is None:
        return False
    said = payouts.ask(paid.transfer_no)
    if said is None or said.status != "returned":
        return False
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        if _paid_one(db, withdrawal) is None:
            return False
        _write_down(db, paid.transfer_no, said)
        merging.hops(db, withdrawal.creator_id)
        holds.take_returned(db, withdrawal, clock.now())
        merging.forward(db, withdrawal.creator_id, f"{withdrawal.outcome_reference}:returned")
        withdrawals.move(db, withdrawal_id, "failed", clock.now(), comment=said.code or "returned")
        _announce(db, withdrawal, "failed")
    return True


def _record(withdrawal_id: int, transfer_no: str, said: Said) -> dict[str, Any]:
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        transfer = _open_one(db, withdrawal)
        if transfer is not None and transfer.transfer_no == transfer_no:
            _write_down(db, transfer_no, said)
        return models.as_json(withdrawal_id, _next(db, withdrawal))


def _write_down(db: Connection, transfer_no: str, said: Said) -> None:
    withdrawals.record(
        db, transfer_no, status=said.status, gateway_no=said.gateway_no, code=said.code, sentence=said.sentence
    )


def _locked(db: Connection, withdrawal_id: int) -> Withdrawal:
    withdrawal = withdrawals.lock(db, withdrawal_id)
    if withdrawal is None:
        raise UnknownWithdrawalError(withdrawal_id)
    withdrawals.touch(db, withdrawal_id, clock.now())
    return withdrawal


def _next(db: Connection, withdrawal: Withdrawal) -> tuple[Step, int]:
    return models.next_step(withdrawal.status, withdrawals.transfers(db, withdrawal.withdrawal_id, withdrawal.hold_no))


def _open_one(db: Connection, withdrawal: Withdrawal) -> Transfer | None:
    return _with_status(db, withdrawal, "open")


def _paid_one(db: Connection, withdrawal: Withdrawal) -> Transfer | None:
    return _with_status(db, withdrawal, "succeeded") if withdrawal.status == "paid" else None


def _with_status(db: Connection, withdrawal: Withdrawal, status: str) -> Transfer | None:
    known = withdrawals.transfers(db, withdrawal.withdrawal_id, withdrawal.hold_no)
    return next((transfer for transfer in known if transfer.status == status), None)


def _payout(withdrawal: Withdrawal, transfer_no: str) -> Payout:
    target = Target.unsealed(withdrawal)
    return Payout(
        transfer_no=transfer_no,
        amount=Money(withdrawal.amount - withdrawal.fee),
        account=target.number,
        name=target.name,
        remark=f"withdrawal {withdrawal.withdrawal_id}",
    )


def _announce(db: Connection, withdrawal: Withdrawal, status: str) -> None:
    now = clock.now()
    outbox.record(
        db,
        WithdrawalEnded(
            event_id=new_ulid(),
            occurred_at=now,
            withdrawal_id=withdrawal.withdrawal_id,
            creator_id=withdrawal.creator_id,
            status=status,
            amount=withdrawal.amount,
            ended_at=now,
        ),
    )
