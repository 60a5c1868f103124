"""Alipay 周期扣款 behind the vocabulary of agreements. Its wire is in `shared/vendors`."""

import os
from typing import Final

from functions.subscriptions.agreements import AgreementChannel
from functions.subscriptions.gateways.base import (
    AgreementNotice,
    Announced,
    Ended,
    InForce,
    NoAnswer,
    NotBelievedError,
    NotInForce,
    Terms,
)
from shared import aws
from shared.money import Money
from shared.settings import Settings
from shared.vendors.alipay_agreements import AlipayAgreements, Offer, verify_notice
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.alipay_notify import ACKNOWLEDGED, NotificationRefusedError, form_pairs
from shared.vendors.alipay_results import Done, Refused, Unknown

NOTIFY_PATH: Final = "/api/v1/subscriptions/agreements/alipay/callback"
_RETURN_PATH: Final = "/subscriptions"


class AlipayAgreementGateway:
    """The channel `alipay`."""

    channel: AgreementChannel = "alipay"
    acknowledgement = ACKNOWLEDGED
    media_type = "text/plain"

    def __init__(self, client: AlipayAgreements, public_url: str) -> None:
        self._client = client
        self._public_url = public_url

    @classmethod
    def from_environment(cls) -> "AlipayAgreementGateway":
        """By the secret `alipay`. Raises ValueError when that is not filled in."""
        secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_ALIPAY"])["SecretString"]
        return cls(AlipayAgreements(AlipayConfig.from_secret(secret)), Settings.load().public_url)

    def sign_url(self, terms: Terms) -> str:
        """`alipay.user.agreement.page.sign`. Raises ValueError for terms without a day to debit by."""
        if terms.debit_day is None:
            message = "Alipay debits by a day of the month"
            raise ValueError(message)
        return self._client.sign_url(
            Offer(
                external_no=terms.external_no,
                single_amount=Money(terms.single_amount),
                period_months=terms.period_months,
                debit_day=terms.debit_day,
                account=str(terms.user_id),
                notify_url=self._public_url + NOTIFY_PATH,
                return_url=self._public_url + _RETURN_PATH,
                at=terms.at,
            )
        )

    def query(self, external_no: str) -> InForce | NotInForce | NoAnswer:
        """`alipay.user.agreement.query`."""
        said = self._client.query(external_no)
        if not isinstance(said, Done):
            return _unheard(said)
        found = said.value
        return InForce(found.agreement_no, found.signed_at) if found is not None and found.in_force else NotInForce()

    def unsign(self, external_no: str, agreement_no: str | None) -> Ended | NoAnswer:
        """`alipay.user.agreement.unsign`."""
        said = self._client.unsign(external_no, agreement_no, notify_url=self._public_url + NOTIFY_PATH)
        return Ended() if isinstance(said, Done) else _unheard(said)

    def announce(self, agreement_no: str, amount: int) -> Announced:  # noqa: ARG002 - Alipay asks for none
        """Nothing: what it was told at signing is enough."""
        return Announced()

    def verify(self, body: bytes) -> AgreementNotice:
        """`dut_user_sign` and `dut_user_unsign`, signed by Alipay for our app."""
        try:
            notice = verify_notice(self._client.config, form_pairs(body))
        except NotificationRefusedError as error:
            raise NotBelievedError(str(error)) from error
        return AgreementNotice(notice.external_no, notice.agreement_no, notice.kind, notice.at)


def _unheard(said: Refused | Unknown) -> NoAnswer:
    return NoAnswer(said.sub_code if isinstance(said, Refused) else said.reason)
