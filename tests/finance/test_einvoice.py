"""Fully digital invoices, over real HTTP against their simulator."""

from typing import Any

import pytest

from functions.finance.gateways.einvoice import Einvoice, EinvoiceConfig
from functions.finance.invoice import Document, Item, lines, tax_of_part, tax_within
from shared.ids import new_ulid
from tests.fixtures.sandbox import Sandbox

SELLER = {"name": "ShareStack", "tax_no": "91350100M000100Y43", "address": "", "bank": ""}


@pytest.fixture
def provider(sandbox: Sandbox) -> Einvoice:
    return Einvoice(EinvoiceConfig.from_secret(sandbox.http.get("/einvoice/credentials").text))


def blue(amount: int = 10_000, serial: str | None = None) -> Document:
    parts = lines([Item("o1", "复利的秘密", amount // 3), Item("o2", "写作课", amount - amount // 3)], 600)
    return Document(
        serial or new_ulid(), "blue", "personal", "陈𬭎", None, SELLER, amount, tax_within(amount, 600), 600, parts, None
    )


def red(original_no: str | None, amount: int) -> Document:
    tax = tax_of_part(0, amount, 600)
    parts = lines([Item("o1", "复利的秘密", -amount)], 600)
    return Document(new_ulid(), "red", "personal", "陈𬭎", None, SELLER, -amount, -tax, 600, parts, original_no)


def issued(sandbox: Sandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.http.get("/_control/einvoice/invoices").json()["items"]
    return found


def test_a_serial_is_issued_once_with_number_day_and_file(provider: Einvoice, sandbox: Sandbox) -> None:
    wanted = blue()
    first, again = provider.issue(wanted), provider.issue(wanted)
    assert first == again == provider.ask(wanted.serial)
    assert first.status == "issued"
    assert len(first.invoice_no or "") == 20
    assert (provider.fetch(wanted.serial) or b"").startswith(b"%PDF-")
    assert len(issued(sandbox)) == 1


def test_a_serial_that_was_never_sent_is_unknown_to_it(provider: Einvoice) -> None:
    assert provider.ask(new_ulid()) is None
    assert provider.fetch(new_ulid()) is None


def test_red_takes_back_no_more_than_the_original(provider: Einvoice) -> None:
    original_no = provider.issue(blue()).invoice_no
    assert provider.issue(red(original_no, 4_000)).status == "issued"
    assert provider.issue(red(original_no, 6_001)).status == "refused"
    assert provider.issue(red(original_no, 6_000)).status == "issued"
    assert provider.issue(red("nobody's", 1)).status == "refused"


@pytest.mark.parametrize(
    ("switch", "first", "then"),
    [
        ({"issue": "late"}, "open", ["open", "issued"]),
        ({"issue": "fail_later"}, "open", ["open", "refused"]),
        ({"issue": "busy"}, "busy", [None]),
        ({"issue": "refuse"}, "refused", [None]),
        ({"issue": "duplicate_once"}, "issued", ["issued"]),
        ({"gateway": "down"}, "open", ["open"]),
        ({"gateway": "unknown_once"}, "open", ["issued"]),
        ({"gateway": "wrong_signature"}, "open", ["open"]),
    ],
)
def test_what_is_not_known_is_open_until_it_is(
    provider: Einvoice, sandbox: Sandbox, switch: dict[str, str], first: str, then: list[str | None]
) -> None:
    sandbox.behave(vendor="einvoice", **switch)
    wanted = blue()
    assert provider.issue(wanted).status == first
    told = [provider.ask(wanted.serial) for _ in then]
    assert [said and said.status for said in told] == then


def test_a_serial_with_other_content_is_never_issued_again(provider: Einvoice, sandbox: Sandbox) -> None:
    first = provider.issue(blue(10_000, "S1"))
    assert provider.issue(blue(20_000, "S1")) == first
    assert [one["amount"] for one in issued(sandbox)] == [10_000]


def test_a_request_of_somebody_else_is_refused(provider: Einvoice, sandbox: Sandbox) -> None:
    config = EinvoiceConfig.from_secret(sandbox.http.get("/einvoice/credentials").text)
    stranger = Einvoice(EinvoiceConfig(config.gateway_url, config.app_id, "another secret"))
    assert stranger.issue(blue()).status == "open"
    assert issued(sandbox) == []


def test_nobody_at_the_other_end_is_open() -> None:
    assert Einvoice(EinvoiceConfig("http://127.0.0.1:1", "a", "b"), 1.0).issue(blue()).status == "open"


def test_an_empty_secret_says_what_it_lacks() -> None:
    with pytest.raises(ValueError, match="lacks gateway_url, app_id, app_secret"):
        EinvoiceConfig.from_secret("{}")
