"""Finance operators trace any figure to its postings, and each of them to the block that proves it."""

import hashlib
import json
from datetime import UTC, timedelta

import pytest

from functions.finance.service import proof, tracing
from functions.finance.store import trace as store
from shared.sql.connection import current
from tests.finance.build import BUYER, Desk
from tests.finance.conftest import CREATOR, Client
from tests.fixtures.people import make_user

LEDGER = "/admin/finance/ledger"
PENDING = f"creator:{CREATOR}:pending"


@pytest.fixture
def told(counter: Desk) -> Desk:
    """A sale with a refund, a settlement and a payout."""
    counter.sell(CREATOR, 10_000)
    counter.refund(next(iter(counter.orders)), 2_500)
    counter.earned(CREATOR, 50_000)
    counter.request(CREATOR, 50_000)
    return counter


def names(reply: object) -> list[str]:
    return [entry["reference"].split(":")[0] for entry in reply.data["entries"]]  # type: ignore[attr-defined]


def test_accounts_with_what_they_hold_now_and_then(call: Client, told: Desk) -> None:
    def balances(**query: object) -> dict[str, int]:
        items = call.staff("GET", LEDGER + "/accounts", query=query | {"page_size": 100}).data["items"]
        return {item["account"]: item["balance"] for item in items}

    now: dict[str, int] = dict(told.sql("SELECT name, balance FROM finance.ledger_accounts WHERE kind = 'owner'"))
    assert balances(prefix=f"creator:{CREATOR}:") == now
    assert balances(prefix="channel:") == {"channel:alipay": -107_500 + 50_000}
    assert balances(at=(told.at - timedelta(days=7)).isoformat(), kind="owner") == {PENDING: 85_484}
    assert balances(currency="USDT") == {}
    assert call.staff("GET", LEDGER + "/accounts", query={"prefix": "Creator"}).status == 422


def test_what_moved_on_an_account_page_by_page(call: Client, told: Desk) -> None:
    path = f"{LEDGER}/accounts/{PENDING}/postings"
    first = call.staff("GET", path, query={"page_size": 2}).data
    rest = call.staff("GET", path, query={"page_size": 2, "cursor": first["next_cursor"]}).data
    found = first["items"] + rest["items"]
    assert [item["kind"] for item in found] == ["settlement", "capture", "refund", "capture"]
    assert [item["balance_after"] for item in found] == [0, 85_484, 5_964, 7_952]
    assert [item["amount"] for item in call.staff("GET", path, query={"kind": "refund"}).data["items"]] == [-1_988]
    assert call.staff("GET", path, query={"date_from": told.at.isoformat()}).data["total"] == 1
    missing = call.staff("GET", f"{LEDGER}/accounts/creator:9:pending/postings")
    assert missing.error == (404, "ledger_account_not_found")
    assert call.staff("GET", path, query={"currency": "USDT"}).status == 404


def test_an_entry_is_proved_by_its_block(desk: Desk) -> None:
    """With what it shows and the hash before it anybody can compute its own, as docs/ledger.md says."""
    desk.earned(CREATOR, 5_000)
    with desk.time():
        proof.seal()
    desk.sell(CREATOR, 100)
    for entry_id, reference, tx, at in desk.sql(
        "SELECT entry_id, reference, tx::text, at FROM finance.ledger_entries ORDER BY 1"
    ):
        with desk.time():
            row = store.entry(current(), entry_id)
        assert row is not None
        shown = tracing.entry_out(row)
        if shown.seal is None:
            assert entry_id == 3, "the last one, which is not sealed yet"
            continue
        lines = desk.sql(
            "SELECT p.posting_id, a.account_id, a.name, p.amount, p.balance_after FROM finance.ledger_postings p"
            " JOIN finance.ledger_accounts a USING (account_id) WHERE p.entry_id = %s ORDER BY 2",
            (entry_id,),
        )
        assert [(line.account, line.amount, line.balance_after) for line in shown.lines] == [line[2:] for line in lines]
        instant = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        text = json.dumps(
            ["ledger", entry_id, tx, reference, shown.kind, shown.ref_type, shown.ref_id, "CNY", instant, lines],
            ensure_ascii=False,
        )
        (before,) = desk.sql(
            "SELECT coalesce((SELECT hash FROM finance.ledger_seals WHERE seq = %s), %s)", (shown.seal.seq - 1, bytes(32))
        )[0]
        assert shown.seal.hash == hashlib.sha256(bytes(before) + text.encode()).hexdigest()
        (block,) = desk.sql("SELECT encode(hash, 'hex') FROM finance.ledger_blocks")[0]
        assert shown.seal.block_hash == block


def test_an_entry_is_shown_with_its_lines(call: Client, told: Desk) -> None:
    (entry_id,) = told.sql("SELECT entry_id FROM finance.ledger_entries WHERE kind = 'settlement'")[0]
    entry = call.staff("GET", f"{LEDGER}/entries/{entry_id}").data
    lines = {line["account"]: line["amount"] for line in entry["lines"]}
    assert lines == {PENDING: -85_484, f"creator:{CREATOR}:available": 85_484}
    assert (entry["kind"], entry["seal"]) == ("settlement", None)
    assert call.staff("GET", f"{LEDGER}/entries/{entry_id + 100}").error == (404, "ledger_entry_not_found")


def test_every_kind_of_figure_is_traced(call: Client, told: Desk) -> None:
    order_no = next(iter(told.orders))
    (refund_id,) = told.sql("SELECT refund_id FROM finance.earning_reversals")[0]
    (settlement_id,) = told.sql("SELECT settlement_id FROM finance.settlements")[0]
    (withdrawal_id,) = told.sql("SELECT withdrawal_id FROM finance.withdrawal_requests")[0]

    def trace(kind: str, name: object) -> object:
        return call.staff("GET", LEDGER + "/trace", query={"kind": kind, "id": str(name), "page_size": 100})

    assert names(trace("order", order_no)) == ["capture", "refund"]
    assert names(trace("refund", refund_id)) == ["refund"]
    assert names(trace("settlement", settlement_id)) == ["settlement"]
    assert names(trace("withdrawal", withdrawal_id)) == ["withdrawal", "withdrawal"]
    assert names(trace("statement", f"{CREATOR}:2026-03")) == [
        "capture",
        "refund",
        "capture",
        "settlement",
        "withdrawal",
        "withdrawal",
    ]
    assert names(trace("statement", f"{CREATOR}:2026-02")) == []
    assert names(trace("report", "2026-03-01:2026-03-01")) == ["capture", "refund", "capture"]
    assert names(trace("chargeback", 1)) == names(trace("adjustment", 1)) == names(trace("exchange", 1)) == []
    sums = {one["account"]: one["amount"] for one in trace("statement", f"{CREATOR}:2026-03").data["sums"]}  # type: ignore[attr-defined]
    assert sums[f"creator:{CREATOR}:available"] == told.balances(CREATOR)["available"]
    assert sum(sums.values()) == 0
    for kind, name in (("statement", "7"), ("report", "2026-02-30:2026-03-01"), ("report", "2026-03-02:2026-03-01"),
                       ("report", "2024-01-01:2026-01-01"), ("order", "a b")):  # fmt: skip
        assert trace(kind, name).status == 422, name  # type: ignore[attr-defined]


def test_an_invoice_is_traced_to_the_entries_of_its_orders(call: Client, told: Desk) -> None:
    orders = list(told.orders)
    invoice = """
        INSERT INTO finance.invoices (kind, user_id, order_nos, amount, tax_rate_bp, tax_amount, title_type, title, seller,
            provider, serial, status, next_try_at, created_at, updated_at)
        VALUES ('blue', %s, %s, 110000, 600, 6226, 'personal', '张三', '{}', 'platform', 'S1', 'issuing', now(), now(), now())
        RETURNING invoice_id
    """
    make_user(told.sql, BUYER, "buyer")
    (invoice_id,) = told.sql(invoice, (BUYER, orders))[0]
    reply = call.staff("GET", LEDGER + "/trace", query={"kind": "invoice", "id": str(invoice_id)})
    assert names(reply) == ["capture", "refund", "capture"]
    first = call.staff("GET", LEDGER + "/trace", query={"kind": "invoice", "id": str(invoice_id), "page_size": 2})
    assert names(first) == ["capture", "refund"]
    cursor = first.data["next_cursor"]
    rest = call.staff("GET", LEDGER + "/trace", query={"kind": "invoice", "id": str(invoice_id), "cursor": cursor})
    assert (names(rest), rest.data["next_cursor"]) == (["capture"], None)
    assert first.data["sums"] == rest.data["sums"] == reply.data["sums"]
