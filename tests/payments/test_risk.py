"""Risk control: what each rule catches, what becomes of that, and who may say so."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.payments.errors import RiskChallengeRequired, RiskRejected
from functions.payments.risk import Rule, fault
from functions.payments.service import attempts, risk
from shared import clock
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work
from tests.fixtures.api import Api
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House
from tests.payments.build import BUYER, START, Till
from tests.payments.test_races import AtOnce

RULES = "/admin/payments/risk-rules"
EVENTS = "/admin/payments/risk-events"
DEFAULTS = [
    {"key": "order_count", "enabled": True, "threshold": 10, "window_seconds": 600, "action": "reject"},
    {"key": "amount_single", "enabled": True, "threshold": 500_000, "window_seconds": None, "action": "review"},
    {"key": "failed_count", "enabled": True, "threshold": 3, "window_seconds": 3600, "action": "review"},
    {"key": "new_account_amount", "enabled": True, "threshold": 100_000, "window_seconds": 86_400, "action": "review"},
    {"key": "device_accounts", "enabled": True, "threshold": 5, "window_seconds": 86_400, "action": "reject"},
    {"key": "ip_accounts", "enabled": True, "threshold": 20, "window_seconds": 3600, "action": "challenge"},
    {"key": "refund_percent", "enabled": True, "threshold": 50, "window_seconds": 7_776_000, "action": "review"},
]
"""The five of rules.md §7, and the two that issue 4 asks for beyond them."""
DEAR = 500_000


@pytest.fixture
def staff(sign_in: Callable[..., str]) -> str:
    return sign_in(9, permissions=("payment:read", "payment:write", "payment:config"))


def events(till: Till) -> list[tuple[Any, ...]]:
    return till.sql("SELECT order_no, rule_key, score, status FROM payments.payment_risk_events ORDER BY event_id")


def account(till: Till, uid: int, *, age: timedelta, device: str | None = None) -> int:
    make_user(till.sql, uid, f"user{uid}")
    till.sql("UPDATE identity.users SET created_at = %s WHERE uid = %s", (till.at - age, uid))
    if device is not None:
        till.sql(
            "INSERT INTO identity.user_devices (device_id, uid, first_seen_at, last_seen_at) VALUES (%s, %s, %s, %s)",
            (device, uid, till.at, till.at),
        )
    return uid


def fail(till: Till, at: timedelta) -> None:
    _, payment_no = till.started()
    till.sql(
        "UPDATE payments.payment_transactions SET status = 'failed', finished_at = %s WHERE payment_no = %s",
        (till.at - at, payment_no),
    )


class TestWhatIsCaught:
    def test_an_amount_that_reaches_the_threshold_is_paid_and_looked_at(self, till: Till) -> None:
        below, reached = till.open(amount=DEAR - 1), till.open(amount=DEAR)
        till.start(below)
        assert events(till) == []
        till.start(reached)
        till.start(reached, scene="pc")
        assert events(till) == [(reached, "amount_single", DEAR, "open")], "one event, whatever was tried"

    def test_the_eleventh_order_within_the_window_is_rejected_and_leaves_nothing(self, till: Till) -> None:
        for _ in range(10):
            till.open()
        last = till.open()
        with pytest.raises(RiskRejected):
            till.start(last)
        assert till.sql("SELECT count(*) FROM payments.payment_transactions") == [(0,)]
        till.pass_time(seconds=601)
        till.start(last)

    def test_three_failed_payments_within_an_hour_open_an_event(self, till: Till) -> None:
        fail(till, timedelta(minutes=61))
        fail(till, timedelta(minutes=59))
        fail(till, timedelta(minutes=1))
        first = till.open()
        till.start(first)
        assert events(till) == [], "one of them is too long ago"
        fail(till, timedelta(0))
        second = till.open()
        till.start(second)
        assert events(till) == [(second, "failed_count", 3, "open")]

    def test_a_large_payment_of_a_new_account_opens_an_event(self, till: Till) -> None:
        new = account(till, 100_500, age=timedelta(hours=23))
        old = account(till, 100_501, age=timedelta(hours=25))
        small, large, of_old = (
            till.open(uid=new, amount=99_999),
            till.open(uid=new, amount=100_000),
            till.open(uid=old, amount=100_000),
        )
        for uid, order_no in ((new, small), (new, large), (old, of_old)):
            till.start(order_no, uid=uid)
        assert events(till) == [(large, "new_account_amount", 100_000, "open")]

    def test_the_sixth_payer_from_one_device_is_rejected(self, till: Till) -> None:
        people = [account(till, 100_600 + n, age=timedelta(days=9), device="shared") for n in range(6)]
        for uid in people[:5]:
            till.start(till.open(uid=uid), uid=uid)
        account(till, 100_700, age=timedelta(days=9), device="own")
        till.start(till.open(uid=100_700), uid=100_700)
        with pytest.raises(RiskRejected):
            till.start(till.open(uid=people[5]), uid=people[5])
        till.start(till.open(uid=people[0]), uid=people[0]), "who is one of the five goes on"
        till.pass_time(hours=25)
        till.start(till.open(uid=people[5]), uid=people[5])

    def test_what_share_of_payments_came_back_can_be_a_rule(self, till: Till) -> None:
        with till.time(), unit_of_work() as db:
            risk.replace(db, [Rule("refund_percent", True, 50, 86_400, "review")])
        order_no, _ = till.paid()
        till.paid()
        till.process_refund(till.ask_refund(order_no))
        third = till.open()
        till.start(third)
        assert events(till) == [(third, "refund_percent", 50, "open")]

    def test_who_pays_from_a_crowded_address_proves_to_be_themselves_first(self, till: Till) -> None:
        def start(uid: int, order_no: str, ip: str = "203.0.113.9") -> None:
            with till.time(), unit_of_work() as db:
                attempts.start(db, uid, order_no, "alipay", "qr", ip=ip)

        people = [account(till, 100_800 + n, age=timedelta(days=9)) for n in range(21)]
        for uid in people[:20]:
            start(uid, till.open(uid=uid))
        last = people[20]
        till.sql("UPDATE identity.users SET email_verified_at = %s WHERE uid = %s", (till.at - timedelta(minutes=1), last))
        order_no = till.open(uid=last)
        with pytest.raises(RiskChallengeRequired) as refused:
            start(last, order_no)
        assert refused.value.details == {"purposes": ("verify_email", "verify_phone")}
        start(last, till.open(uid=last), "203.0.113.10")  # another address is another matter
        till.pass_time(minutes=1)
        till.sql("UPDATE identity.users SET email_verified_at = %s WHERE uid = %s", (till.at, last))
        start(last, order_no)
        again = till.open(uid=last)
        till.sql(
            "UPDATE payments.payment_orders SET created_at = %s WHERE order_no = %s", (till.at + timedelta(seconds=1), again)
        )
        with pytest.raises(RiskChallengeRequired):
            start(last, again)  # each order asks anew
        till.pass_time(hours=1)
        start(last, till.open(uid=last))
        assert events(till) == []

    def test_a_rule_that_is_switched_off_catches_nothing(self, till: Till) -> None:
        till.sql("UPDATE payments.payment_risk_rules SET enabled = false")
        till.start(till.open(amount=DEAR))
        assert events(till) == []

    def test_eight_starts_of_one_order_at_once_open_one_event(self, till: Till, at_once: AtOnce) -> None:
        order_no = till.open(amount=DEAR)
        scenes = ["pc", "h5", "app", "qr"] * 2

        def start(scene: Any) -> Callable[[Connection], Any]:
            return lambda db: attempts.start(db, BUYER, order_no, "alipay", scene)[1].payment_no

        started = at_once(*[start(scene) for scene in scenes])
        assert len(set(started)) == 4
        assert len(events(till)) == 1

    def test_it_is_measured_in_one_statement(self, house: House) -> None:
        number = "R1"
        house.sql(
            "SELECT commerce.open_order('subscriptions', 'subscription', 1, 1, 2, 't', 3000, 0, 'CNY', '[]', %s, %s, %s)",
            (number, START, START + timedelta(minutes=30)),
        )
        from functions.payments.store import orders

        with house.acting("payments") as db, clock.frozen(START):
            order = orders.find(db, number)
            assert order is not None
            before = db.statements
            risk.admit(db, order)
            assert db.statements - before == 1


class TestRules:
    def test_they_begin_as_the_rules_say(self, shop: Api, staff: str) -> None:
        assert shop.get(RULES, token=staff).data == {"items": DEFAULTS}

    def test_they_are_replaced_as_a_whole_and_the_log_knows_both(self, shop: Api, house: House, staff: str) -> None:
        wanted = [DEFAULTS[4] | {"threshold": 7}, DEFAULTS[1]]
        assert shop.put(RULES, {"items": wanted}, token=staff).data == {"items": wanted}
        assert shop.get(RULES, token=staff).data == {"items": wanted}
        ((operation, details),) = house.sql("SELECT operation, details FROM admin.admin_operation_logs")
        assert (operation, details["before"], details["after"]) == ("payment.risk_rules.replace", DEFAULTS, wanted)
        assert shop.put(RULES, {"items": []}, token=staff).data == {"items": []}

    @pytest.mark.parametrize(
        "wrong",
        [
            [DEFAULTS[0], DEFAULTS[0]],
            [DEFAULTS[0] | {"key": "mood"}],
            [DEFAULTS[0] | {"threshold": 0}],
            [DEFAULTS[0] | {"threshold": 10**13 + 1}],
            [DEFAULTS[0] | {"window_seconds": None}],
            [DEFAULTS[0] | {"window_seconds": 0}],
            [DEFAULTS[0] | {"window_seconds": 2**40}],
            [DEFAULTS[1] | {"window_seconds": 60}],
        ],
    )
    def test_what_cannot_be_a_rule_changes_nothing(self, shop: Api, house: House, staff: str, wrong: list[Any]) -> None:
        assert shop.put(RULES, {"items": wrong}, token=staff).error == (422, "rule_config_invalid")
        assert shop.get(RULES, token=staff).data == {"items": DEFAULTS}

    def test_an_unknown_action_is_no_rule_at_all(self, shop: Api, staff: str) -> None:
        assert shop.put(RULES, {"items": [DEFAULTS[0] | {"action": "fine"}]}, token=staff).status == 422

    def test_only_who_configures_payments_replaces_them(self, shop: Api, sign_in: Callable[..., str]) -> None:
        token = sign_in(9, permissions=("payment:read", "payment:write"))
        assert shop.put(RULES, {"items": []}, token=token).error == (403, "permission_denied")

    def test_of_eight_replacements_at_once_one_stands_whole(self, till: Till, at_once: AtOnce) -> None:
        def one(n: int) -> list[Rule]:
            return [Rule("order_count", True, n, 60, "reject"), Rule("failed_count", True, n, 60, "review")]

        at_once(*[lambda db, n=n: risk.replace(db, one(n)) for n in range(1, 9)])
        stands = till.sql("SELECT count(*), count(DISTINCT threshold) FROM payments.payment_risk_rules")
        assert stands == [(2, 1)]

    def test_the_defaults_have_no_fault(self) -> None:
        assert fault([Rule(**rule) for rule in DEFAULTS]) is None  # type: ignore[arg-type]  # rows of JSON


class TestReview:
    @pytest.fixture
    def event_id(self, house: House) -> int:
        house.sql(
            "SELECT commerce.open_order('subscriptions', 'subscription', 1, %s, 2, 't', 3000, 0, 'CNY', '[]', 'R1', %s, %s)",
            (BUYER, clock.now(), clock.now() + timedelta(minutes=30)),
        )
        ((event_id,),) = house.sql(
            """
            INSERT INTO payments.payment_risk_events (order_no, user_id, rule_key, score, created_at)
            VALUES ('R1', %s, 'amount_single', 3000, now()) RETURNING event_id
            """,
            (BUYER,),
        )
        return int(event_id)

    def test_an_event_is_found_by_its_state_and_its_buyer(self, shop: Api, staff: str, event_id: int) -> None:
        asked: list[tuple[dict[str, Any], int]] = [
            ({}, 1),
            ({"status": "open"}, 1),
            ({"status": "released"}, 0),
            ({"user_id": BUYER}, 1),
            ({"user_id": 7}, 0),
        ]
        for query, there in asked:
            assert shop.get(EVENTS, query=query, token=staff).data["total"] == there, query
        [event] = shop.get(EVENTS, token=staff).data["items"]
        assert event.pop("created_at")
        assert event == {
            "event_id": event_id,
            "order_no": "R1",
            "user_id": BUYER,
            "rule_key": "amount_single",
            "score": 3000,
            "status": "open",
        }

    def test_it_is_reviewed_once_and_the_log_knows(self, shop: Api, house: House, staff: str, event_id: int) -> None:
        sent = {"action": "release", "comment": "a regular"}
        assert shop.post(f"{EVENTS}/{event_id}/review", sent, token=staff).data["status"] == "released"
        assert shop.post(f"{EVENTS}/{event_id}/review", sent, token=staff).error == (409, "already_reviewed")
        assert shop.post(f"{EVENTS}/{event_id + 1}/review", sent, token=staff).error == (404, "risk_event_not_found")
        logged = house.sql("SELECT operation, result FROM admin.admin_operation_logs WHERE result = 'success'")
        assert logged == [("payment.risk_event.release", "success")]

    @pytest.mark.parametrize(("action", "answer"), [("release", 201), ("confirm", 403)])
    def test_of_an_order_with_a_confirmed_event_no_payment_starts(
        self, shop: Api, staff: str, sign_in: Callable[..., str], event_id: int, action: str, answer: int
    ) -> None:
        shop.post(f"{EVENTS}/{event_id}/review", {"action": action}, token=staff)
        assert shop.post("/payments/alipay/create", {"order_no": "R1"}, token=sign_in(BUYER)).status == answer

    def test_of_eight_reviewers_one_is_heard(self, till: Till, at_once: AtOnce) -> None:
        till.start(till.open(amount=DEAR))
        ((event_id,),) = till.sql("SELECT event_id FROM payments.payment_risk_events")
        said = at_once(*[lambda db, n=n: risk.review(db, event_id, "confirm", n, None) for n in range(1, 9)])
        assert sum(getattr(one, "status", None) == "confirmed" for one in said) == 1
