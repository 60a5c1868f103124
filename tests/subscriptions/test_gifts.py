"""Gifts: bought for somebody else, paid, redeemed once, refunded; in whatever order that is heard of."""

from itertools import permutations

import pytest

from functions.finance import on_order_paid as books
from functions.subscriptions import gift_codes, on_order_paid
from functions.subscriptions.gifts.gifts import TRIES
from functions.subscriptions.http import handler
from functions.subscriptions.service import gifts
from shared import clock
from shared.errors import Refusal
from shared.views.prices import Wish, quote
from tests.subscriptions import build
from tests.subscriptions.giving import Counter
from tests.subscriptions.test_merge import merged, parted

UNKNOWN = "0000-0000-0000-0000"


@pytest.fixture
def counter(house, api, sign_in) -> Counter:
    return Counter(house, api, sign_in, handler)


def test_a_gift_is_bought_paid_shown_redeemed_and_then_it_is_spent(noon, counter: Counter) -> None:
    plan_id = counter.plan(tier=2)
    reply = counter.give(plan_id, periods=3, message="生日快乐")
    gift_id, order_no = reply.data["gift_id"], reply.data["order_no"]
    assert reply.data == {"gift_id": gift_id, "order_no": order_no, "status": "pending", "redeem_code": None}
    [order] = counter.house.sql(
        "SELECT kind, target_id, user_id, seller_id, payable_amount, status FROM payments.payment_orders"
    )
    assert order == ("gift", gift_id, counter.customer, counter.creator, 9000, "pending")
    assert counter.code(gift_id) is None

    counter.hear(counter.fact((gift_id, order_no), "paid"))
    code = counter.code(gift_id)
    assert (len(code), counter.code(gift_id)) == (19, code)
    kept = counter.house.sql("SELECT g::text FROM subscriptions.gifts g") + counter.house.sql(
        "SELECT k::text FROM platform.idempotency_keys k"
    )
    assert not [row for (row,) in kept if code in row or code.replace("-", "") in row]

    redeemed = counter.redeem(f" {code.lower().replace('-', ' ')} ").data
    assert (redeemed["user_id"], redeemed["status"], redeemed["auto_renew"]) == (counter.friend, "active", False)
    assert (redeemed["message"], redeemed["order_no"], redeemed["plan"]["tier"]) == ("生日快乐", None, 2)
    assert redeemed["current_period_end"] == "2026-06-10T04:00:00Z"
    assert (counter.has().plan_id, counter.has(counter.customer)) == (plan_id, None)
    assert counter.counts(plan_id) == (1, 1)
    assert counter.redeem(code).error == counter.redeem(code, counter.customer).error == (409, "gift_redeemed")

    own = counter.gifts.get("/subscriptions/gifts", token=counter.token).data["items"]
    assert [(gift["gift_id"], gift["status"], gift["amount"], gift["periods"]) for gift in own] == [
        (gift_id, "redeemed", 9000, 3)
    ]
    assert "redeem_code" not in own[0]
    assert counter.code(gift_id) == code
    with counter.at(noon + build.days(93)):
        assert counter.expire() == 1
        assert counter.status(redeemed["subscription_id"], counter.sign_in(counter.friend))["status"] == "expired"


def test_quote_order_fact_and_ledger_agree_and_the_creator_is_paid(counter: Counter) -> None:
    house, plan_id = counter.house, counter.plan()
    house.sql(
        """
        INSERT INTO subscriptions.promotions (name, kind, value, targets, starts_at, ends_at, stackable, status, created_at,
            updated_at)
        VALUES ('p', 'percent', 15, '{"all": true}', now() - interval '1 day', now() + interval '1 day', false, 'scheduled',
            now(), now());
        """
    )
    house.sql(
        """
        INSERT INTO subscriptions.pricing_rules (owner_id, target_type, target_id, kind, config, priority, created_at, updated_at)
        VALUES (%s, 'plan', %s, 'bulk', '{"min_quantity": 3, "percent_off": 10}', 1, now(), now())
        """,
        (counter.creator, plan_id),
    )
    with house.acting("subscriptions") as db:
        said = quote(db, Wish("plan", plan_id, counter.customer, quantity=3), clock.now())
    made = counter.given(plan_id, periods=3)
    [(lines, amount)] = house.sql("SELECT price_lines, payable_amount FROM payments.payment_orders")
    assert said is not None
    assert amount == said.payable == 8100 - 1215 == sum(line["amount"] for line in lines)
    with house.acting("finance"):
        fact = counter.fact(made, "paid", amount=amount, platform_discount=1215)
        assert books.handler(build.messages(fact), None) == {"batchItemFailures": []}
    posted = dict(
        house.sql("SELECT a.name, p.amount FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id)")
    )
    assert (posted["channel:alipay"], posted["platform:marketing"], sum(posted.values())) == (-amount, -1215, 0)
    assert posted[f"creator:{counter.creator}:pending"] > 0
    assert house.sql("SELECT plan_id FROM subscriptions.pub_order_plans WHERE order_no = %s", (made[1],)) == [(plan_id,)]


def test_what_becomes_of_the_plan_does_not_matter_to_a_gift_that_was_sold(counter: Counter) -> None:
    plan_id = counter.plan(max_subscribers=1)
    _, first = counter.bought(plan_id)
    _, second = counter.bought(plan_id)
    assert counter.redeem(first).data["status"] == "active"
    assert counter.give(plan_id).error == (409, "plan_full")
    counter.house.sql("UPDATE subscriptions.subscription_plans SET status = 'archived', tier = 9, amount = 1")
    assert counter.give(plan_id).error == (409, "plan_archived")
    assert counter.redeem(second, build.person(counter.house.sql)).status == 200
    assert counter.counts(plan_id) == (2, 2)
    assert counter.house.sql("SELECT DISTINCT tier, amount FROM subscriptions.user_subscriptions") == [(1, 3000)]


def test_who_cannot_buy_or_redeem_is_told_why(noon, counter: Counter) -> None:
    plan_id = counter.plan()
    assert counter.give(10**9).error == (404, "plan_not_found")
    assert counter.give(counter.plan(amount=0)).error == (409, "not_for_sale")
    refused = counter.gifts.post("/subscriptions/gifts", {"plan_id": plan_id}, token=counter.creator_token)
    assert refused.error == (409, "cannot_subscribe_self")
    for slip in ({"periods": 0}, {"periods": 37}, {"message": ""}, {"message": "x" * 501}, {"coupon_code": "X"}):
        assert counter.give(plan_id, **slip).error == (422, "validation_error")

    _, code = counter.bought(plan_id)
    assert counter.redeem(code, counter.creator).error == (409, "cannot_subscribe_self")
    pending = counter.subscribe(plan_id, counter.sign_in(counter.friend)).data["subscription"]["subscription_id"]
    refused = counter.redeem(code)
    assert (refused.error, refused.json["details"]["subscription_id"]) == ((409, "already_subscribed"), pending)
    with counter.at(noon + build.days(1)):
        assert counter.redeem(code).data["status"] == "active", "the unpaid one is over"
    other = counter.bought(plan_id)[1]
    assert counter.redeem(other, counter.customer).status == 200, "a buyer may redeem their own"


def test_a_code_that_is_worth_nothing_is_answered_like_one_that_never_was(counter: Counter) -> None:
    plan_id = counter.plan()
    unpaid = counter.given(plan_id)
    lost, code = counter.bought(plan_id)
    counter.hear(counter.fact(lost, "refunded"))
    assert (counter.state(unpaid), counter.state(lost), counter.code(lost[0])) == ("pending", "refunded", None)
    answers = {
        (reply.status, reply.json["error"], reply.json["message"], str(reply.json["details"]))
        for reply in (counter.redeem(code), counter.redeem(UNKNOWN), counter.redeem("not a code"))
    }
    assert len(answers) == 1
    assert counter.redeem(code).error == (404, "gift_not_found")


def test_whoever_tries_codes_is_slowed_down(counter: Counter) -> None:
    for _ in range(TRIES.per_minute):
        assert counter.redeem(UNKNOWN).error == (404, "gift_not_found")
    refused = counter.redeem(UNKNOWN)
    assert refused.error == (429, "rate_limited")
    assert counter.redeem(counter.bought(counter.plan())[1], build.person(counter.house.sql)).status == 200


def test_asked_for_again_with_the_same_key_it_is_the_same_gift(counter: Counter) -> None:
    body, once = {"plan_id": counter.plan()}, {"idempotency-key": "one-gift"}
    both = [counter.gifts.post("/subscriptions/gifts", body, token=counter.token, headers=once).data for _ in range(2)]
    assert (both[0], counter.house.sql("SELECT count(*) FROM subscriptions.gifts")) == (both[1], [(1,)])


def test_a_gift_is_known_to_who_bought_it_alone(counter: Counter) -> None:
    made, _ = counter.bought(counter.plan())
    for token in (counter.creator_token, counter.sign_in(counter.friend)):
        assert counter.gifts.get(f"/subscriptions/gifts/{made[0]}", token=token).error == (404, "gift_not_found")
        assert counter.gifts.get("/subscriptions/gifts", token=token).data["items"] == []
    assert counter.gifts.get("/subscriptions/gifts/999999", token=counter.token).error == (404, "gift_not_found")


def test_an_order_that_ends_unpaid_leaves_nothing_and_money_that_comes_late_is_honoured(counter: Counter) -> None:
    plan_id = counter.plan()
    made = counter.given(plan_id)
    counter.hear(counter.fact(made, "closed"), counter.fact(made, "closed"))
    shown = counter.gifts.get("/subscriptions/gifts", query={"status": "expired"}, token=counter.token).data["items"]
    assert ([gift["gift_id"] for gift in shown], counter.code(made[0]), counter.counts(plan_id)) == ([made[0]], None, (0, 0))
    counter.hear(counter.fact(made, "paid"))
    assert counter.redeem(counter.code(made[0])).data["status"] == "active"


def test_in_whatever_order_it_comes_a_refunded_gift_gives_nothing(counter: Counter) -> None:
    plan_id = counter.plan()
    for order in permutations(("paid", "closed", "refunded", "redeem")):
        counter.friend = build.person(counter.house.sql)
        made = counter.given(plan_id)
        [(sealed,)] = counter.house.sql("SELECT code_sealed FROM subscriptions.gifts WHERE gift_id = %s", (made[0],))
        code = gift_codes.reveal(sealed, made[1])
        for step in order:
            if step == "redeem":
                good = order.index("paid") < order.index(step) < order.index("refunded")
                assert counter.redeem(code).status == (200 if good else 404), order
                assert (counter.has() is not None) == good, order
            else:
                counter.hear(counter.fact(made, step), counter.fact(made, step))
        assert (counter.state(made), counter.has(), counter.redeem(code).status) == ("refunded", None, 404), order
    assert (counter.counts(plan_id), counter.rebuild()) == ((0, 0), 0)


def test_a_refund_of_a_redeemed_gift_takes_back_what_it_gave_and_no_more(noon, counter: Counter) -> None:
    plan_id = counter.plan()
    made, code = counter.bought(plan_id)
    subscription_id = counter.redeem(code).data["subscription_id"]
    token = counter.sign_in(counter.friend)
    counter.hear(counter.fact(made, "refunded", full=False))
    assert counter.has() is not None
    counter.hear(build.paid(*_prolonged(counter, subscription_id, plan_id), counter.friend, kind="renewal"))
    assert counter.status(subscription_id, token)["current_period_end"] == "2026-05-10T04:00:00Z"
    counter.hear(counter.fact(made, "refunded"), counter.fact(made, "refunded"))
    assert counter.status(subscription_id, token)["current_period_end"] == "2026-04-10T04:00:00Z"
    assert (counter.has() is not None, counter.counts(plan_id)) == (True, (1, 1))


def _prolonged(counter: Counter, subscription_id: int, plan_id: int) -> tuple[str, int]:
    """An order for one more month."""
    counter.house.sql(
        """
        INSERT INTO subscriptions.subscription_periods (subscription_id, order_no, kind, plan_id, tier, amount, months, days,
            status, created_at, updated_at)
        VALUES (%s, 'R1', 'order', %s, 1, 3000, 1, 0, 'open', now(), now())
        """,
        (subscription_id, plan_id),
    )
    return "R1", subscription_id


def test_gifts_of_merged_accounts_are_the_persons(counter: Counter) -> None:
    kept, friends = build.person(counter.house.sql), build.person(counter.house.sql)
    made, code = counter.bought(counter.plan())
    counter.redeem(code)
    counter.house.sql(
        """
        INSERT INTO identity.account_merges (into_uid, from_uid, status, proof, from_epoch, expires_at, merged_at, undo_until,
            created_at, updated_at)
        VALUES (%s, %s, 'merged', 'code', 1, now(), now(), now(), now(), now())
        """,
        (kept, counter.customer),
    )
    shown = counter.gifts.get(f"/subscriptions/gifts/{made[0]}", token=counter.sign_in(kept)).data
    assert (shown["gift_id"], shown["redeem_code"]) == (made[0], code)
    counter.hear(merged(counter.friend, friends))
    assert (counter.has(), counter.has(friends) is not None) == (None, True)
    counter.hear(counter.fact(made, "refunded"))
    assert counter.has(friends) is None
    counter.hear(parted(counter.friend, friends))
    assert counter.has() is None
    assert counter.rebuild() == 0


def test_an_order_nobody_here_knows_of_waits_for_a_person(counter: Counter) -> None:
    with counter.house.acting("subscriptions"):
        answer = on_order_paid.handler(build.messages(counter.fact((1, "nobody's"), "paid")), None)
    assert answer["batchItemFailures"]


def test_a_refusal_leaves_the_code_as_good_as_it_was(counter: Counter) -> None:
    _, code = counter.bought(counter.plan())
    with counter.house.acting("subscriptions") as db, pytest.raises(Refusal):
        gifts.redeem(db, counter.creator, code)
    assert counter.redeem(code).status == 200
