"""RSA2 and the text it is made over, proved against python-alipay-sdk and by tampering."""

import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import Money
from shared.vendors import alipay_sign, rsa_text
from shared.vendors.alipay import AlipayClient, Order
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.alipay_results import beijing_time
from tests.vendors.keys import bare, config, key, peer_as_app, pkcs1, private_pem, public_pem

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
PARAMS = st.dictionaries(TEXT.filter(bool), TEXT, max_size=12)


@pytest.mark.parametrize("form", [private_pem, lambda of: bare(private_pem(of)), pkcs1], ids=["pem", "bare", "pkcs1"])
def test_a_private_key_is_read_in_every_form_alipay_hands_out(form):
    signature = rsa_text.sign("你好", rsa_text.private_key(form(key("app"))))

    assert rsa_text.is_signed("你好", signature, rsa_text.public_key(bare(public_pem(key("app")))))
    assert rsa_text.is_signed("你好", signature, rsa_text.public_key(public_pem(key("app"))))


@pytest.mark.parametrize(
    "text", ["", "not base64!", "aGVsbG8=", "-----BEGIN PRIVATE KEY-----\nxx\n-----END PRIVATE KEY-----"]
)
def test_a_key_that_is_none_raises_a_value_error(text):
    with pytest.raises(ValueError):
        rsa_text.private_key(text)


@given(PARAMS)
def test_what_one_key_signs_it_verifies_and_no_other_does(params):
    text = alipay_sign.text_to_sign(params.items())
    signature = rsa_text.sign(text, key("app"))

    assert rsa_text.is_signed(text, signature, key("app").public_key())
    assert not rsa_text.is_signed(text, signature, key("alipay").public_key())
    assert not rsa_text.is_signed(text + " ", signature, key("app").public_key())


@given(PARAMS)
def test_the_peer_signs_any_parameters_exactly_as_we_do(params):
    text = alipay_sign.text_to_sign(params.items())

    assert rsa_text.sign(text, key("app")) == peer_as_app()._sign("&".join(f"{k}={v}" for k, v in sorted(params.items())))


def test_changing_any_byte_of_text_or_signature_is_noticed():
    text = 'biz_content={"subject":"}会员"}&charset=utf-8'
    signature = rsa_text.sign(text, key("app"))
    public = key("app").public_key()
    raw = text.encode()

    assert rsa_text.is_signed(text, signature, public)
    for at in range(len(raw)):
        tampered = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        assert not rsa_text.is_signed(tampered.decode("utf-8", errors="replace"), signature, public)
    for at in range(len(signature)):
        for other in "AQgw=+ \n":
            if other != signature[at]:
                assert not rsa_text.is_signed(text, signature[:at] + other + signature[at + 1 :], public)


def test_the_peer_builds_the_same_signed_page_address_from_the_same_parameters():
    order = Order(
        "P1", Money(1230), "会员 + 一月", "https://shop.example/notify?a=1", beijing_time("2026-11-21 12:00:00"), "ORDER1"
    )
    address = AlipayClient(config()).page_pay_url(order, return_url="https://shop.example/back")
    ours = dict(parse_qsl(address.partition("?")[2], keep_blank_values=True, strict_parsing=True))
    unsigned = {name: value for name, value in ours.items() if name != "sign"}

    theirs = dict(parse_qsl(peer_as_app().sign_data(unsigned), keep_blank_values=True))

    assert ours == theirs
    assert json.loads(ours["biz_content"])["total_amount"] == "12.30"
    assert ours["sign_type"] == "RSA2"
    assert all(ours.values()), "empty parameters are not sent"


def test_no_parameter_of_a_request_escapes_the_signature():
    order = Order("P1", Money(1), "x", "https://shop.example/n", beijing_time("2026-11-21 12:00:00"), "O1")
    address = AlipayClient(config()).page_pay_url(order, return_url="https://shop.example/back")
    params = dict(parse_qsl(address.partition("?")[2]))
    signature = params.pop("sign")

    for name in params:
        without = alipay_sign.text_to_sign((k, v) for k, v in params.items() if k != name)
        assert not rsa_text.is_signed(without, signature, key("app").public_key())


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ('{"a_response":{"sub_msg":"a } in { a string"},"sign":"s"}', '{"sub_msg":"a } in { a string"}'),
        ('{ "sign" : "s" ,\n"a_response" : {"x":"\\"}"} }', '{"x":"\\"}"}'),
        ('{"a_response":{"url":"https:\\/\\/x","n":{"m":[{}]}},"sign":"s"}', '{"url":"https:\\/\\/x","n":{"m":[{}]}}'),
        ('{"a_response":{"中":"文"},"sign":"s"}', '{"中":"文"}'),
    ],
)
def test_the_signed_part_of_an_answer_is_cut_out_to_the_letter(text, raw):
    assert alipay_sign.members(text)["a_response"].raw == raw


@given(
    st.dictionaries(TEXT, st.recursive(st.none() | st.integers() | TEXT, st.lists, max_leaves=5), max_size=6), st.booleans()
)
def test_any_json_object_is_split_into_the_members_a_parser_sees(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=1)

    found = alipay_sign.members(text)

    assert {name: member.value for name, member in found.items()} == value
    assert all(json.loads(member.raw) == value[name] and member.raw in text for name, member in found.items())


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", '{"a":1', '{"a":1,}', '{"a":1}x', '{"a":1}{"a":2}', '{"a":1,"a":2}', "{1:2}", '{"a" 1}', "{" * 5000,
     '{"a":' + "[" * 100_000],
)  # fmt: skip
def test_what_is_not_one_plain_object_is_refused(text):
    with pytest.raises(ValueError):
        alipay_sign.members(text)


def test_a_config_shows_no_key_and_names_what_is_missing():
    whole = {
        name: getattr(config(), name)
        for name in ("gateway_url", "app_id", "seller_id", "app_private_key", "alipay_public_key")
    }
    read = AlipayConfig.from_secret(json.dumps(whole))

    assert read == config()
    assert read.app_private_key not in repr(read)
    with pytest.raises(ValueError, match=r"lacks app_private_key, alipay_public_key$"):
        AlipayConfig.from_secret(json.dumps(whole | {"app_private_key": "", "alipay_public_key": None}))
    with pytest.raises(ValueError, match="not a JSON object"):
        AlipayConfig.from_secret('["x"]')
