"""UnionPay's wire: the published vector, openssl in either part, and what must not be believed."""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from shared import clock
from shared.vendors import unionpay_sign
from shared.vendors.unionpay_config import UnionpayConfig
from shared.vendors.unionpay_notify import claimed_id, verify_notice
from shared.vendors.unionpay_results import TradeState, moment, stamp, trace_time
from shared.vendors.unionpay_sign import NotSignedError
from shared.vendors.unionpay_wire import parse_form, parse_reply
from tests.vendors.openssl import NAME, Certificate, Chain, run

MERCHANT = "777290058110048"
Fields = dict[str, str]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """UnionPay's, by openssl."""
    made = Chain.made(tmp_path_factory.mktemp("unionpay") / "own")
    made.issue("merchant", "/CN=merchant")
    return made


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Somebody's who gave everything the same names."""
    return Chain.made(tmp_path_factory.mktemp("others") / "others")


def secret(chain: Chain, **changed: str | None) -> str:
    merchant = chain.of("merchant")
    told: dict[str, str | None] = {
        "gateway_url": "http://127.0.0.1:1/gateway/api",
        "file_url": "http://127.0.0.1:1/",
        "mer_id": MERCHANT,
        "sign_private_key": merchant.path.with_suffix(".key").read_text(),
        "cert_id": merchant.serial,
        "root_certificate": chain.of("root").pem,
        "middle_certificate": chain.of("middle").pem,
    }
    return json.dumps({name: value for name, value in (told | changed).items() if value is not None})


@pytest.fixture(scope="module")
def config(chain: Chain) -> UnionpayConfig:
    return UnionpayConfig.from_secret(secret(chain))


def told(**changed: str) -> Fields:
    """A notice of a payment, before it is signed."""
    return {
        "version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", "merId": MERCHANT, "orderId": "01M7YG56T2P681MM84MWH3TEYW",
        "txnTime": "20261121152607", "txnType": "01", "txnAmt": "1999", "currencyCode": "156", "queryId": "202611211526079975048",
        "respCode": "00", "respMsg": "成功[0000000]", "traceTime": "1121152610", "accNo": "", "reqReserved": "ORDER1",
    } | changed  # fmt: skip


def by_openssl(signer: Certificate, fields: Mapping[str, str], certificate: str | None = None) -> Fields:
    """Signed as UnionPay does, with openssl doing the hashing too."""
    sent = dict(fields) | {"signPubKeyCert": signer.pem if certificate is None else certificate}
    text = "&".join(f"{name}={value}" for name, value in sorted(sent.items()))
    hashed = run("dgst", "-sha256", "-hex", given=text.encode()).decode().split("= ")[1].strip()
    return sent | {"signature": signer.sign(hashed)}


def notice(fields: Mapping[str, str]) -> bytes:
    return urlencode(fields).encode()


def refused(config: UnionpayConfig, fields: Mapping[str, str], at: datetime | None = None) -> str:
    with pytest.raises(NotSignedError) as caught:
        verify_notice(config, notice(fields), at or clock.now())
    return str(caught.value)


class TestSigning:
    def test_the_published_text_has_the_published_digest(self) -> None:
        fields = {"encoding": "UTF-8", "orderId": "T0000001", "signMethod": "01", "txnAmt": "100", "txnType": "01"}
        expected = "00b15774b167fd17f123085df9a5774953ce621c9e8a68c8981b37e82d053e52"
        assert unionpay_sign.digest(fields | {"version": "5.1.0", "signature": "not of it"}) == expected

    def test_fields_without_a_value_are_not_sent(self, config: UnionpayConfig) -> None:
        sent = unionpay_sign.signed({"a": "1", "reqReserved": "", "signature": "old"}, config.signing_key)
        assert set(sent) == {"a", "signature"}
        assert unionpay_sign.digest(sent) == hashlib.sha256(b"a=1").hexdigest()

    def test_openssl_takes_what_we_sign(self, chain: Chain, config: UnionpayConfig) -> None:
        fields = told(reqReserved="好&=+")
        made = base64.b64decode(unionpay_sign.signed(fields, config.signing_key)["signature"])
        text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value)
        hashed = hashlib.sha256(text.encode()).hexdigest()
        merchant = chain.of("merchant")
        assert merchant.has_signed(hashed, made)
        assert not merchant.has_signed(text, made), "it is the hex text of the hash that is signed"
        assert not chain.of("signer").has_signed(hashed, made)

    def test_the_key_and_the_serial_of_a_pkcs12_file_are_those_of_the_pem(
        self, chain: Chain, config: UnionpayConfig
    ) -> None:
        packed = chain.of("merchant").packed("000000")
        text = secret(chain, sign_private_key=None, cert_id=None, sign_pkcs12=packed, sign_password="000000")
        opened = UnionpayConfig.from_secret(text)
        assert opened.cert_id == config.cert_id
        assert opened.signing_key.private_numbers() == config.signing_key.private_numbers()


class TestBelieved:
    def test_what_openssl_signed_in_the_chain(self, chain: Chain, config: UnionpayConfig) -> None:
        said = verify_notice(config, notice(by_openssl(chain.of("signer"), told())), clock.now())
        assert (said.order_id, said.query_id, said.state) == (
            "01M7YG56T2P681MM84MWH3TEYW", "202611211526079975048", TradeState.DONE,
        )  # fmt: skip
        assert said.amount is not None
        assert said.amount.minor == 1999
        assert said.done_at == datetime(2026, 11, 21, 7, 26, 10, tzinfo=UTC)

    def test_success_with_a_flaw_is_success(self, chain: Chain, config: UnionpayConfig) -> None:
        said = verify_notice(config, notice(by_openssl(chain.of("signer"), told(respCode="A6"))), clock.now())
        assert said.state is TradeState.DONE

    def test_the_test_environments_own_name_where_it_is_set(self, chain: Chain) -> None:
        signer = chain.issue("tester", "/CN=00040000:SIGN")
        fields = by_openssl(signer, told())
        assert "company" in refused(UnionpayConfig.from_secret(secret(chain)), fields)
        named = UnionpayConfig.from_secret(secret(chain, signer_name="00040000:SIGN"))
        assert verify_notice(named, notice(fields), clock.now()).kind == "01"
        assert "company" in refused(named, by_openssl(chain.of("signer"), told()))


class TestNotBelieved:
    def test_another_chain_by_the_same_names(self, others: Chain, config: UnionpayConfig) -> None:
        assert "not one of UnionPay's" in refused(config, by_openssl(others.of("signer"), told()))

    def test_a_certificate_of_ours_with_a_key_that_is_not_its_own(
        self, chain: Chain, others: Chain, config: UnionpayConfig
    ) -> None:
        assert refused(config, by_openssl(others.of("signer"), told(), chain.of("signer").pem)) == "signature"

    def test_a_certificate_the_merchant_itself_was_given(self, chain: Chain, config: UnionpayConfig) -> None:
        assert "another company's" in refused(config, by_openssl(chain.of("merchant"), told()))

    @pytest.mark.parametrize(
        "subject",
        [
            "/CN=041@83@某某公司@1",
            "/CN=中国银联股份有限公司",
            "/CN=041@中国银联股份有限公司",
            "/O=041@83@中国银联股份有限公司",
            f"{NAME}/CN=another",
        ],
    )
    def test_another_name(self, chain: Chain, config: UnionpayConfig, subject: str) -> None:
        assert "another company's" in refused(config, by_openssl(chain.issue("named", subject), told()))

    def test_the_middle_certificate_itself_and_one_below_the_signer(self, chain: Chain, config: UnionpayConfig) -> None:
        assert "not one of" in refused(config, by_openssl(chain.of("middle"), told()))
        below = chain.issue("below", NAME, by="signer")
        assert "not one of" in refused(config, by_openssl(below, told()))

    @pytest.mark.parametrize(
        ("extensions", "bits", "digest", "complaint"),
        [
            ("basicConstraints=critical,CA:TRUE", "2048", "-sha256", "another use"),
            ("keyUsage=critical,keyEncipherment", "2048", "-sha256", "another use"),
            ("keyUsage=digitalSignature", "1024", "-sha256", "too weak"),
            ("keyUsage=digitalSignature", "2048", "-sha1", "not one of"),
        ],
    )
    def test_a_certificate_for_another_use_or_too_weak(
        self, chain: Chain, config: UnionpayConfig, extensions: str, bits: str, digest: str, complaint: str
    ) -> None:
        signer = chain.issue("other", NAME, extensions=extensions, bits=bits, digest=digest)
        assert complaint in refused(config, by_openssl(signer, told()))

    def test_a_certificate_before_and_after_its_time(self, chain: Chain, config: UnionpayConfig) -> None:
        fields = by_openssl(chain.issue("brief", NAME, days="10"), told())
        assert verify_notice(config, notice(fields), clock.now() + timedelta(days=9))
        for days in (11, -1):
            assert "not valid now" in refused(config, fields, clock.now() + timedelta(days=days))

    def test_a_signer_whose_middle_certificate_is_over(self, chain: Chain) -> None:
        chain.issue("old", "/CN=UnionPay old", by="root", days="5", extensions="basicConstraints=critical,CA:TRUE")
        signer = chain.issue("young", NAME, by="old")
        config = UnionpayConfig.from_secret(secret(chain, middle_certificate=chain.of("old").pem))
        fields = by_openssl(signer, told())
        assert verify_notice(config, notice(fields), clock.now())
        assert "not valid now" in refused(config, fields, clock.now() + timedelta(days=6))

    def test_a_certificate_with_any_byte_changed(self, chain: Chain, config: UnionpayConfig) -> None:
        signer = chain.of("signer")
        content = run("x509", "-outform", "DER", given=signer.pem.encode())
        version = content.index(bytes.fromhex("a003020102")) + 4
        for at in (version, *range(0, len(content), 11)):
            changed = content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]
            pem = f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(changed).decode()}-----END CERTIFICATE-----\n"
            fields = told() | {"signPubKeyCert": pem, "signature": "AAAA"}
            assert "not one of" in refused(config, fields), at

    @pytest.mark.parametrize(
        "change",
        [
            {"txnAmt": "1"}, {"respCode": "60"}, {"orderId": "T0000001"}, {"accNo": "6216"}, {"new": "field"}, {"signature": ""},
            {"signPubKeyCert": ""}, {"signPubKeyCert": "x"}, {"signMethod": "11"}, {"version": "5.0.0"},
        ],
    )  # fmt: skip
    def test_another_field(self, chain: Chain, config: UnionpayConfig, change: Fields) -> None:
        fields = by_openssl(chain.of("signer"), told())
        refused(config, fields | change)
        verify_notice(config, notice(fields), clock.now())

    @pytest.mark.parametrize("name", ["accNo", "txnAmt", "respMsg"])
    def test_a_field_left_out_even_an_empty_one(self, chain: Chain, config: UnionpayConfig, name: str) -> None:
        fields = by_openssl(chain.of("signer"), told())
        del fields[name]
        assert refused(config, fields) == "signature"

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"merId": "777290058110001"}, "another merchant's"),
            ({"signMethod": "11"}, "another way of signing"),
            ({"version": "5.0.0"}, "another way of signing"),
            ({"currencyCode": "840"}, "malformed"),
            ({"txnAmt": "-1"}, "malformed"),
            ({"txnAmt": "19.99"}, "malformed"),
            ({"txnAmt": "١٢"}, "malformed"),
            ({"queryId": ""}, "malformed"),
            ({"traceTime": "1321152610"}, "malformed"),
            ({"txnType": "02"}, "of another kind"),
        ],
    )
    def test_what_is_signed_but_not_for_us_or_not_understood(
        self, chain: Chain, config: UnionpayConfig, change: Fields, complaint: str
    ) -> None:
        assert refused(config, by_openssl(chain.of("signer"), told(**change))) == complaint

    def test_a_name_that_occurs_twice(self, chain: Chain, config: UnionpayConfig) -> None:
        body = notice(by_openssl(chain.of("signer"), told())) + b"&txnAmt=1"
        with pytest.raises(NotSignedError, match="malformed"):
            verify_notice(config, body, clock.now())
        assert claimed_id(body) == ""


class TestSecret:
    @pytest.mark.parametrize(
        ("changed", "complaint"),
        [
            ({"mer_id": ""}, "lacks mer_id"),
            ({"cert_id": None, "root_certificate": None}, "lacks root_certificate, cert_id"),
            ({"sign_pkcs12": "AAAA"}, "sign_pkcs12 cannot be opened"),
            ({"sign_pkcs12": "not base64"}, "sign_pkcs12 cannot be opened"),
        ],
    )
    def test_one_that_cannot_serve_says_what_is_missing(
        self, chain: Chain, changed: dict[str, str | None], complaint: str
    ) -> None:
        with pytest.raises(ValueError, match=complaint):
            UnionpayConfig.from_secret(secret(chain, **changed))
        with pytest.raises(ValueError, match="not a JSON object"):
            UnionpayConfig.from_secret("[]")

    def test_a_wrong_password_opens_nothing(self, chain: Chain) -> None:
        packed = chain.of("merchant").packed("000000")
        with pytest.raises(ValueError, match="cannot be opened with its sign_password"):
            UnionpayConfig.from_secret(secret(chain, sign_pkcs12=packed, sign_password="000001"))

    @pytest.mark.parametrize(
        ("root", "middle"), [("root", None), ("middle", "signer"), ("root", "merchant"), ("root", "signer")]
    )
    def test_certificates_that_make_no_chain_are_noticed_before_any_notice(
        self, chain: Chain, others: Chain, root: str, middle: str | None
    ) -> None:
        given = others.of("middle").pem if middle is None else chain.of(middle).pem
        text = secret(chain, root_certificate=chain.of(root).pem, middle_certificate=given)
        with pytest.raises(ValueError, match="UnionPay's root"):
            _ = UnionpayConfig.from_secret(text).trust

    def test_a_middle_certificate_that_may_not_issue_is_none(self, chain: Chain) -> None:
        chain.issue("leaf", "/CN=UnionPay middle", by="root")
        text = secret(chain, middle_certificate=chain.of("leaf").pem)
        with pytest.raises(ValueError, match="no such one"):
            _ = UnionpayConfig.from_secret(text).trust

    def test_the_key_never_shows(self, config: UnionpayConfig) -> None:
        assert config.sign_private_key not in repr(config)


class TestReading:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a=1&b=", {"a": "1", "b": ""}),
            ("a=x==&b=+/ %41", {"a": "x==", "b": "+/ %41"}),
            ("a={b=1&c={d=2&e=3}&f=4}&g=5", {"a": "{b=1&c={d=2&e=3}&f=4}", "g": "5"}),
            ("a=[{b=1&c=2}&{d=3}]&e=好", {"a": "[{b=1&c=2}&{d=3}]", "e": "好"}),
            ("a={[}&b=1", {"a": "{[}", "b": "1"}),
            ("a=1}&b=2]", {"a": "1}", "b": "2]"}),
        ],
    )
    def test_a_reply_is_split_outside_of_braces(self, text: str, expected: Fields) -> None:
        assert parse_reply(text.encode()) == expected

    @pytest.mark.parametrize("body", [b"", b"a", b"=1", b"a={b=1&c=2", b"a=1&a=2", b"a=1&&b=2", b"\xff=1", b"<html>"])
    def test_what_is_no_reply(self, body: bytes) -> None:
        with pytest.raises(ValueError):
            parse_reply(body)

    @pytest.mark.parametrize("body", [b"a=1&a=2", b"a", b"a=%FF", "a=好".encode()])
    def test_what_is_no_form(self, body: bytes) -> None:
        with pytest.raises(ValueError):
            parse_form(body)
        assert parse_form(b"a=&b=%2B+%E5%A5%BD") == {"a": "", "b": "+ 好"}

    @pytest.mark.parametrize(
        ("text", "near", "expected"),
        [
            ("1231235959", "20270101000001", "20261231235959"),
            ("0101000001", "20261231235959", "20270101000001"),
            ("0229120000", "20280301000000", "20280229120000"),
            ("0229120000", "20290101000000", None),
            ("0230120000", "20280301000000", None),
            ("112115260", "20261121152607", None),
        ],
    )
    def test_a_time_without_a_year_is_of_the_nearest(self, text: str, near: str, expected: str | None) -> None:
        if expected is None:
            with pytest.raises(ValueError):
                trace_time(text, moment(near))
            return
        found = trace_time(text, moment(near))
        assert found is not None
        assert stamp(found) == expected

    def test_times_are_beijings_wherever_the_clock_stands(self) -> None:
        assert stamp(datetime(2026, 12, 31, 16, 0, 0, tzinfo=UTC)) == "20270101000000"
        assert moment("20270101000000") == datetime(2026, 12, 31, 16, tzinfo=UTC)
        for text in ("2027010100000", "20271301000000", "2027010100000x"):
            with pytest.raises(ValueError):
                moment(text)

    @pytest.mark.parametrize(
        ("code", "state"),
        [("00", "done"), ("A6", "done"), ("01", "open"), ("05", "open"), ("09", "open"), ("42", "open"), ("10", "failed"),
         ("34", "failed"), ("60", "failed"), ("99", "failed")],
    )  # fmt: skip
    def test_the_families_of_codes(self, code: str, state: str) -> None:
        assert TradeState.of(code) == state
