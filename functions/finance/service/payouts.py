"""The steps of the withdrawal's workflow. Each may die anywhere and be repeated: intention, vendor, outcome, in that order,
each in its own transaction, and what to do next is read from the rows.

Whoever talks to a channel holds the lease of the withdrawal; what one without it was told is not written down.
"""

from typing import Any

from events.finance import WithdrawalEnded
from functions.finance import withdrawal as states
from functions.finance import workflow
from functions.finance.gateways.base import Payout, Rails, Said
from functions.finance.service import assessing, holds, merging
from functions.finance.service.payees import Target
from functions.finance.store import transfers, withdrawals
from functions.finance.withdrawal import CONFIRM, IN_FLIGHT, LEASE, Status, Step, Transfer, Withdrawal
from shared import clock, observe
from shared.ids import new_ulid
from shared.money import Money
from shared.sql import outbox
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work

_WORTH_A_LOOK = 20
Next = dict[str, Any]


class UnknownWithdrawalError(Exception):
    """A workflow was started for a request that does not exist."""


def assess(withdrawal_id: int) -> Next:
    """The risk check: unverified is rejected; what a person has to look at waits, with the reasons."""
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        if withdrawal.status != "pending":
            return states.as_json(withdrawal_id, _next(db, withdrawal))
        standing = assessing.standing_of(db, withdrawal)
        if not standing.identity_approved:
            end(db, withdrawal, "rejected", code="identity_not_verified")
            return states.as_json(withdrawal_id, ("end", 0))
        if reasons := assessing.reasons(db, withdrawal, standing):
            withdrawals.wait_for_person(db, withdrawal, reasons, clock.now())
            observe.info("withdrawal waits for a decision", withdrawal_id=withdrawal_id, reasons=reasons)
            return states.as_json(withdrawal_id, ("review", 0))
        withdrawals.move(db, withdrawal, "approved", clock.now(), code="auto_approved")
        return states.as_json(withdrawal_id, ("send", 0))


def await_decision(withdrawal_id: int, task_token: str) -> None:
    """Keep the token of the waiting execution; when the decision was faster, deliver it at once."""
    with unit_of_work() as db:
        _locked(db, withdrawal_id)
        withdrawals.keep_token(db, withdrawal_id, task_token)
    workflow.deliver(withdrawal_id)


def send(withdrawal_id: int, rails: Rails) -> Next:
    """Give the channel a new number, if none is open; after an open one is asked first."""
    payout: Payout | None = None
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        lease = None
        if _next(db, withdrawal)[0] == "send":
            lease = _lease(db, withdrawal)
            if lease is None:
                return _later(withdrawal)
            payout = _payout(withdrawal, new_ulid())
            transfers.open_one(db, withdrawal, payout.transfer_no, clock.now())
            if withdrawal.status == "approved":
                withdrawals.move(db, withdrawal, "processing", clock.now())
    if payout is None or lease is None:
        return poll(withdrawal_id, rails)
    return _record(withdrawal_id, lease, payout.transfer_no, rails(withdrawal.method).send(payout))


def poll(withdrawal_id: int, rails: Rails) -> Next:
    """Ask what became of the open number; one the channel never got is sent again as it was. Unknown stays open."""
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        transfer = _open_one(db, withdrawal)
        if transfer is None or transfer.by_hand:
            return states.as_json(withdrawal_id, _next(db, withdrawal))
        lease = _lease(db, withdrawal)
        if lease is None:
            return _later(withdrawal)
    rail = rails(withdrawal.method)
    said = rail.ask(transfer.transfer_no)
    if said is None and clock.now() - transfer.updated_at < IN_FLIGHT:
        said = Said("open", sentence="not there yet")
    elif said is None or _lacks_confirmation(said, transfer):
        with unit_of_work() as db:
            if _locked(db, withdrawal_id).lease_no != lease:
                return _later(withdrawal)
            transfers.sent_again(db, transfer.transfer_no, clock.now())
        said = rail.send(_payout(withdrawal, transfer.transfer_no))
    if transfer.asked >= _WORTH_A_LOOK:
        observe.warn("payout is still unknown", withdrawal_id=withdrawal_id, asked=transfer.asked)
        observe.count("payout_unknown")
    return _record(withdrawal_id, lease, transfer.transfer_no, said)


def finish(withdrawal_id: int) -> Next:
    """Post the payout or give the money back, exactly once, by what the numbers came to."""
    with unit_of_work() as db:
        return _finish(db, _locked(db, withdrawal_id))


def hear(db: Connection, transfer_no: str, rails: Rails) -> None:
    """A channel says that something became of a number: it is asked what, and the payout ended if that ends it.

    The row is held meanwhile, so that nobody can take the lease; who has it will learn the same.
    """
    withdrawal_id = transfers.whose(db, transfer_no)
    if withdrawal_id is None:
        observe.warn("a channel tells of a number we never gave it", transfer_no=transfer_no)
        return
    withdrawal = _locked(db, withdrawal_id)
    transfer = _open_one(db, withdrawal)
    if withdrawal.leased_for(clock.now()) or transfer is None or transfer.transfer_no != transfer_no:
        return
    said = rails(withdrawal.method).ask(transfer_no)
    if said is not None:
        transfers.record(db, transfer_no, said)
        _finish(db, withdrawal)


def end(
    db: Connection,
    withdrawal: Withdrawal,
    status: Status,
    *,
    actor: int | None = None,
    code: str | None = None,
    comment: str | None = None,
    payout_no: str | None = None,
    by_hand: bool = False,
) -> None:
    """The final state of a held request, with its entry and its fact. The caller holds the row and knows it is open."""
    now = clock.now()
    withdrawals.move(db, withdrawal, status, now, actor=actor, code=code, comment=comment, payout_no=payout_no)
    if status == "paid":
        holds.pay(db, withdrawal, now, by_hand=by_hand)
    else:
        holds.give_back(db, withdrawal, now)
    _announce(db, withdrawal, status)


def notice_return(withdrawal_id: int, rails: Rails) -> bool:
    """Ask after a paid request; when the money came back, it is available again. True when it had."""
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        paid = _paid_one(db, withdrawal)
    if paid is None:
        return False
    said = rails(withdrawal.method).ask(paid.transfer_no)
    if said is None or said.status != "returned":
        return False
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        if _paid_one(db, withdrawal) is None:
            return False
        transfers.record(db, paid.transfer_no, said)
        merging.hops(db, withdrawal.creator_id)
        holds.take_returned(db, withdrawal, clock.now())
        merging.forward(db, withdrawal.creator_id, f"{withdrawal.outcome_reference}:returned")
        withdrawals.move(db, withdrawal, "failed", clock.now(), code=said.code or "returned")
        _announce(db, withdrawal, "failed")
    return True


def _finish(db: Connection, withdrawal: Withdrawal) -> Next:
    step = _next(db, withdrawal)
    if step[0] != "finish":
        return states.as_json(withdrawal.withdrawal_id, step)
    last = transfers.of_hold(db, withdrawal.withdrawal_id, withdrawal.hold_no)[-1]
    if last.status == "succeeded":
        end(db, withdrawal, "paid", payout_no=last.gateway_no)
    else:
        end(db, withdrawal, "failed", code=last.code)
    return states.as_json(withdrawal.withdrawal_id, ("end", 0))


def _record(withdrawal_id: int, lease: int, transfer_no: str, said: Said) -> Next:
    """Write down what the holder of the lease was told; a later holder knows better."""
    with unit_of_work() as db:
        withdrawal = _locked(db, withdrawal_id)
        transfer = _open_one(db, withdrawal)
        if withdrawal.lease_no != lease:
            observe.warn("an answer came after its lease", withdrawal_id=withdrawal_id)
            return _later(withdrawal)
        if transfer is not None and transfer.transfer_no == transfer_no:
            transfers.record(db, transfer_no, said)
            if said.confirm and not transfer.confirm:
                withdrawals.note(db, withdrawal_id, "processing", clock.now(), code="confirm")
            elif said.code == states.BY_HAND:
                withdrawals.note(db, withdrawal_id, "processing", clock.now(), code="by_hand")
        withdrawals.end_lease(db, withdrawal_id)
        return states.as_json(withdrawal_id, _next(db, withdrawal))


def _lacks_confirmation(said: Said, transfer: Transfer) -> bool:
    """The payee waits for what only the answer to sending holds, and that one was lost."""
    return said.code == CONFIRM and said.confirm is None and transfer.confirm is None


def _lease(db: Connection, withdrawal: Withdrawal) -> int | None:
    now = clock.now()
    return withdrawals.take_lease(db, withdrawal, now, now + LEASE)


def _later(withdrawal: Withdrawal) -> Next:
    """Somebody else talks to the channel: look again when that is over."""
    return states.as_json(withdrawal.withdrawal_id, ("poll", max(1, withdrawal.leased_for(clock.now()))))


def _locked(db: Connection, withdrawal_id: int) -> Withdrawal:
    withdrawal = withdrawals.lock(db, withdrawal_id)
    if withdrawal is None:
        raise UnknownWithdrawalError(withdrawal_id)
    withdrawals.touch(db, withdrawal_id, clock.now())
    return withdrawal


def _next(db: Connection, withdrawal: Withdrawal) -> tuple[Step, int]:
    return states.next_step(withdrawal.status, transfers.of_hold(db, withdrawal.withdrawal_id, withdrawal.hold_no))


def _open_one(db: Connection, withdrawal: Withdrawal) -> Transfer | None:
    return _with_status(db, withdrawal, "open")


def _paid_one(db: Connection, withdrawal: Withdrawal) -> Transfer | None:
    return _with_status(db, withdrawal, "succeeded") if withdrawal.status == "paid" else None


def _with_status(db: Connection, withdrawal: Withdrawal, status: str) -> Transfer | None:
    known = transfers.of_hold(db, withdrawal.withdrawal_id, withdrawal.hold_no)
    return next((transfer for transfer in known if transfer.status == status), None)


def _payout(withdrawal: Withdrawal, transfer_no: str) -> Payout:
    target = Target.unsealed(withdrawal)
    return Payout(
        transfer_no=transfer_no,
        amount=Money(withdrawal.net),
        account=target.number,
        name=target.name,
        remark=f"withdrawal {withdrawal.withdrawal_id}",
        bank=target.bank,
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
