"""The proof of the books is itself proved: each kind of damage is found, by the check that says so."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from events.identity import AccountsMerged
from functions.finance import on_accounts_merged
from functions.finance.models import Entry
from functions.finance.service import adjustments, chargebacks, pool, proof, statement_jobs
from functions.finance.store import ledger
from functions.finance.store.adjustments import Adjustment
from functions.finance.verify import verify
from shared.ids import new_ulid
from shared.sql.connection import connect, current
from tests.finance.build import OPERATOR, START, USDT, Desk, MortalPayouts, add_creator
from tests.finance.conftest import CREATOR
from tests.finance.invoicing import Counter

LATER = START + timedelta(days=90)
DAMAGE = {
    "entries sum to zero": "UPDATE finance.ledger_postings SET amount = amount + 1 WHERE posting_id = (SELECT max(posting_id) FROM finance.ledger_postings)",
    "postings have their entry, account and currency": "UPDATE finance.ledger_accounts SET currency = 'USDT' WHERE name = 'platform:fees'",
    "currencies sum to zero": "UPDATE finance.ledger_accounts SET currency = 'USDT' WHERE name = 'platform:income'",
    "balances are the sum of their postings": "UPDATE finance.ledger_accounts SET balance = balance + 1 WHERE name LIKE '%available'",
    "balances follow from one posting to the next": "UPDATE finance.ledger_postings SET balance_after = balance_after + 1 WHERE balance_after = 7952",
    "postings that come late say so": "UPDATE finance.ledger_postings SET late = true WHERE balance_after = 7952",
    "accounts know when they last moved": "UPDATE finance.ledger_accounts SET last_at = now() WHERE balance > 0",
    "days of platform accounts are the sum of their postings": "UPDATE finance.ledger_days SET amount = amount + 1 WHERE amount > 0",
    "balances that must not are never negative": "UPDATE finance.ledger_postings SET balance_after = -1 WHERE balance_after = 0",
    "holds are posted as they stand": "UPDATE finance.holds SET posted = posted - 1 WHERE status = 'posted'",
    "what is frozen is what is held": "UPDATE finance.holds SET amount = amount + 1 WHERE status = 'open'",
    "sales are posted as divided": "UPDATE finance.creator_earnings SET channel_fee = channel_fee + 1, platform_amount = platform_amount - 1",
    "refunds are posted as divided": "UPDATE finance.earning_reversals SET channel_fee = channel_fee + 1, platform_amount = platform_amount - 1",
    "captures and refunds have their rows": "UPDATE finance.ledger_entries SET ref_id = 'nobody' WHERE kind = 'capture'",
    "earnings know what was reversed of them": "UPDATE finance.earning_reversals SET amount = amount + 1, platform_amount = platform_amount + 1",
    "earnings are reversed when all of them is": "UPDATE finance.creator_earnings SET status = 'available' WHERE status = 'reversed'",
    "no refund waits for a sale that is booked": "UPDATE finance.earning_reversals SET earning_id = NULL, booked_at = NULL",
    "settlements are the sum of what they settled": "UPDATE finance.settlements SET gross = gross + 1, platform_amount = platform_amount + 1",
    "settlements are posted": "UPDATE finance.ledger_entries SET ref_id = '0' WHERE kind = 'settlement'",
    "pending is what is not settled, less what is owed": "UPDATE finance.earning_reversals SET settlement_id = 1 WHERE after_settlement",
    "shares of the pool are posted": "UPDATE finance.creator_earnings SET creator_amount = 1, gross = 1 WHERE kind = 'pool'",
    "shares of a month sum to what was taken from the platform's income for it": "UPDATE finance.pool_splits SET creators = creators + 1",
    "the pool is empty": "UPDATE finance.ledger_postings SET amount = amount - 1 WHERE entry_id = (SELECT entry_id FROM finance.ledger_entries WHERE reference = 'pool:2026-03') AND amount > 0",
    "open withdrawals are held, and no others": "UPDATE finance.withdrawal_requests SET amount = amount + 1 WHERE status = 'pending'",
    "withdrawn is what was paid": "UPDATE finance.withdrawal_requests SET status = 'failed' WHERE status = 'paid'",
    "available is what was settled, merged and adjusted, less what is frozen or withdrawn": "UPDATE finance.withdrawal_requests SET amount = amount - 1 WHERE status = 'paid'",
    "withdrawals have a hold, and an outcome once final": "UPDATE finance.withdrawal_requests SET hold_no = 9 WHERE status = 'paid'",
    "a transfer is live only where one may be": "UPDATE finance.withdrawal_transfers SET status = 'open' WHERE status = 'succeeded'",
    "transfers that succeeded were paid": "UPDATE finance.withdrawal_transfers SET amount = amount - 1 WHERE status = 'succeeded'",
    "payouts in USDT were sent as promised": "UPDATE finance.withdrawal_requests SET units = units + 1 WHERE units IS NOT NULL",
    "nobody approved their own withdrawal": "UPDATE finance.withdrawal_approvals SET approver = 100012",
    "merges move between their two accounts only": "UPDATE finance.account_merges SET into_uid = 1 WHERE parted_at IS NULL",
    "merges in force leave nothing available behind": "UPDATE finance.account_merges SET parted_at = NULL WHERE parted_at IS NOT NULL",
    "merges that were undone have given back what they moved": "UPDATE finance.account_merges SET parted_at = now()",
    "sales paid from a balance took it from a buyer": "UPDATE finance.ledger_entries SET reference = 'lost' WHERE kind = 'balance_payment'",
    "refunds of such sales went back to a buyer": "UPDATE finance.ledger_entries SET reference = 'lost' WHERE kind = 'balance_refund'",
    "what is on the way between balances and sales is not booked yet": "UPDATE finance.ledger_entries SET ref_id = 'other' WHERE kind = 'balance_payment'",
    "chargebacks are disputed while they are open": "UPDATE finance.chargebacks SET amount = amount + 1 WHERE status = 'open'",
    "nothing else is disputed": "UPDATE finance.ledger_postings SET amount = amount - 1 WHERE amount = -2000 AND balance_after IS NULL",
    "lost chargebacks are taken from the sale, or lost": "UPDATE finance.chargebacks SET amount = amount + 1 WHERE status = 'lost'",
    "adjustments are posted when they are approved, and held before": "UPDATE finance.adjustments SET status = 'rejected' WHERE status = 'approved'",
    "entries of people's making have their row": "UPDATE finance.ledger_entries SET ref_id = '77' WHERE kind = 'adjustment_hold'",
    "an exchange has a side in each of two currencies": "UPDATE finance.ledger_entries SET ref_id = '6' WHERE kind = 'exchange' AND currency = 'CNY'",
    "numbers of invoices are 1 to the last of their year, without a gap": "UPDATE finance.invoice_counters SET last = last + 1",
    "invoices hold what their orders do, and no order is in two": "UPDATE finance.invoice_orders SET amount = amount + 1",
    "red invoices take back what their original says, and its tax with the last fen": "UPDATE finance.invoices SET tax_amount = tax_amount - 1 WHERE kind = 'red'",
    "invoices are void when red ones took back all of them, and else are not": "UPDATE finance.invoices SET status = 'issued' WHERE status = 'void'",
    "statements that were given begin and end as the postings do": "UPDATE finance.statements SET closing_balance = closing_balance + 1",
}


@pytest.fixture
def busy(desk: Desk) -> Desk:
    """Something of everything: a month of memberships, sales, refunds before and after settlement, a paid, a failed and an open payout, merges, invoices."""
    desk.vendor = MortalPayouts(("by_hand", "hopeless", "succeeded"))
    desk.sell(0, 10_000, kind="membership")
    desk.sql("INSERT INTO finance.pool_rules VALUES ('2026-03-01', 'weights', 10000, 1, NULL, now())")
    desk.sql("INSERT INTO finance.pool_weights VALUES ('2026-03-01', %s, 1)", (CREATOR,))
    desk.pass_time(days=40)
    with desk.time():
        assert pool.split_due() == 1
    first, second = desk.sell(CREATOR, 10_000), desk.sell(CREATOR, 500_000)
    desk.refund(second, 100_000)
    desk.pass_time(days=7)
    desk.settle()
    for merge_id, (dropped, into) in enumerate(((100_011, 100_012), (100_013, 100_014)), 1):
        for uid in (dropped, into):
            add_creator(desk.sql, uid)
        desk.earned(dropped, 10_000)
        told = AccountsMerged(
            event_id=new_ulid(), occurred_at=desk.at, merge_id=merge_id, from_uid=dropped, into_uid=into, merged_at=desk.at
        )
        assert desk.deliver(on_accounts_merged.handler, told) == []
    desk.sql("SELECT finance.part_accounts(2, 100013, 100014, %s)", (desk.at,))
    by_hand = desk.request_to(100_012, 10_000, USDT)
    desk.decide(by_hand, "approve")
    desk.machine.run()
    desk.decide(by_hand, "mark_paid", payout_no="0f" * 32)
    desk.machine.run()
    desk.request(CREATOR, 50_000)
    desk.request(CREATOR, 60_000)
    desk.request(CREATOR, 150_000)
    desk.sell(CREATOR, 10_000)
    desk.refund(first, 10_000)
    desk.sql("SELECT finance.credit_balance('surplus', 'P', 'O', 100021, 'alipay', 10000, %s)", (desk.at,))
    sold = desk.sell(CREATOR, 4_000, channel="balance")
    desk.sql("SELECT finance.pay_from_balance(%s, 100021, 4000, %s)", (sold, desk.at))
    desk.sql(
        "SELECT finance.credit_balance('refund', %s, %s, 100021, 'balance', 4000, %s)",
        (str(desk.refund(sold, 4_000)), sold, desk.at),
    )
    disputed = [desk.sell(CREATOR, 2_000), desk.sell(CREATOR, 3_000)]
    desk.refund(disputed[1], 1_000)
    with desk.time():
        db = current()
        for number, (order_no, amount) in enumerate(zip(disputed, (2_000, 2_500), strict=True), 1):
            chargebacks.take(db, OPERATOR, order_no, amount=amount, case_no=f"D-{number}", reason="disputed")
        chargebacks.end(db, 100_010, 2, "lost", None)
        for amount in (300, 400):
            wanted = Adjustment(
                0, "CNY", f"creator:{CREATOR}:available", "platform:income", amount, "proposed", OPERATOR, LATER
            )
            adjustments.propose(db, OPERATOR, wanted, "a mistake")
        adjustments.decide(db, 100_010, 1, approve=True, comment=None)
        for side, currency, amount in (("sold", "USDT", 700), ("bought", "CNY", -5_000)):
            exchanged = {"channel:usdt": amount, "platform:exchange": -amount}
            ledger.post(db, Entry(f"exchange:5:{side}", "exchange", "exchange", "5", desk.at, exchanged, currency))
        proof.seal()
        statement_jobs.give(CREATOR, date(2026, 3, 1))
    counter = Counter(desk.sql, at=desk.at)
    bought = counter.order(10_000)
    counter.issue(bought)
    counter.refund(bought, 10_000)
    counter.settle_down()
    desk.books_hold()
    return desk


def test_every_kind_of_damage_is_found(busy: Desk, fresh_database: Callable[..., str]) -> None:
    with connect(fresh_database()) as owner:
        names = [check.name for check in verify(owner)]
        assert names == list(DAMAGE)
        owner.execute("SET session_replication_role = replica")  # nobody's triggers: what an attacker with the disk could do
        owner.execute(
            """
            DO $$ DECLARE found record; BEGIN
                FOR found IN SELECT conrelid::regclass AS owner, conname FROM pg_constraint
                             WHERE connamespace = 'finance'::regnamespace AND contype IN ('c', 'f') LOOP
                    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.owner, found.conname);
                END LOOP;
            END $$
            """
        )
        for name, statement in DAMAGE.items():
            with owner.transaction(force_rollback=True):
                assert owner.execute(statement).rowcount > 0, name
                off = {check.name: check for check in verify(owner) if check.off}
                assert name in off, f"{name} not among {list(off)}"
                assert off[name].examples
        assert [check for check in verify(owner) if check.off] == []


def test_what_was_looked_at_is_counted(busy: Desk) -> None:
    with busy.time():
        looked_at = {check.name: check.looked_at for check in verify(current())}
    assert looked_at["entries sum to zero"] == busy.sql("SELECT count(*) FROM finance.ledger_entries")[0][0]
    assert all(count > 0 for name, count in looked_at.items() if name != "no refund waits for a sale that is booked")
