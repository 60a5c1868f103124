"""Renewals and payments together, nothing scripted between them: what the balance holds decides."""

from functools import partial

from events.subscriptions import DebitRequested
from functions.payments import on_debit_requested
from tests.subscriptions import build
from tests.subscriptions.collecting import DAY, Collecting


class Paying(Collecting):
    """Debits go to the real listener of payments; what it says is heard from its facts."""

    def _debit(self, asked: DebitRequested) -> None:
        body = build.messages(asked)
        assert self.call(partial(on_debit_requested.handler, body, None), "payments") == {"batchItemFailures": []}
        self.debits.append(asked)


def test_a_renewal_waits_until_the_balance_covers_it_and_is_paid_once(house, collecting: Collecting) -> None:
    paying = Paying(house.sql, house.acting)
    subscription_id = paying.subscribed(paying.plan())
    due = paying.ends(subscription_id)
    paying.until(due + DAY / 2)
    assert (paying.status(subscription_id), paying.debit_days(due), paying.has_access()) == ("past_due", [0], True)
    paying.sql("SELECT finance.credit_balance('surplus', 'g', 'O', %s, 'alipay', 5000, %s)", (paying.customer, paying.at))
    paying.until(due + DAY)
    assert (paying.status(subscription_id), paying.debit_days(due)) == ("active", [0, 1])
    assert paying.sql("SELECT available FROM finance.pub_buyer_balances") == [(2000,)]
    assert paying.sql("SELECT status, channel FROM payments.payment_orders WHERE kind = 'renewal'") == [("paid", "balance")]
    assert paying.sql("SELECT try_no, status, reason FROM payments.payment_debits ORDER BY 1") == [
        (1, "failed", "insufficient"),
        (2, "paid", None),
    ]
