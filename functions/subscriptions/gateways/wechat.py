"""WeChat 委托代扣 behind the vocabulary of agreements. Its wire is in `shared/vendors`."""

import os
from typing import Final

from functions.subscriptions.agreements import AgreementChannel
from functions.subscriptions.gateways.base import (
    AgreementNotice,
    Announced,
    Ended,
    InForce,
    NoAnswer,
    NotAnnounced,
    NotBelievedError,
    NotInForce,
    Terms,
)
from functions.subscriptions.prenotices import DAYS
from shared import aws
from shared.money import Money
from shared.settings import Settings
from shared.vendors.outcome import Declined, Done, Unknown
from shared.vendors.wechat_config import WechatConfig
from shared.vendors.wechat_papay import WechatPapay, verify_contract_notice
from shared.vendors.wechat_sign import NotSignedError
from shared.vendors.wechat_v2 import ACKNOWLEDGED

NOTIFY_PATH: Final = "/api/v1/subscriptions/agreements/wechat/callback"


class WechatAgreementGateway:
    """The channel `wechat`."""

    channel: AgreementChannel = "wechat"
    acknowledgement = ACKNOWLEDGED
    media_type = "text/xml"

    def __init__(self, client: WechatPapay, public_url: str) -> None:
        self._client = client
        self._notify_url = public_url + NOTIFY_PATH

    @classmethod
    def from_environment(cls) -> "WechatAgreementGateway":
        """By the secret `wechat`. Raises ValueError when that is not filled in, or says nothing of withholding."""
        secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_WECHAT"])["SecretString"]
        return cls(WechatPapay(WechatConfig.from_secret(secret)), Settings.load().public_url)

    def sign_url(self, terms: Terms) -> str:
        """`papay/entrustweb`, to be opened inside WeChat."""
        return self._client.sign_url(
            contract_code=terms.external_no,
            serial=terms.agreement_id,
            account=str(terms.user_id),
            notify_url=self._notify_url,
            at=terms.at,
        )

    def query(self, external_no: str) -> InForce | NotInForce | NoAnswer:
        """`papay/querycontract`."""
        said = self._client.query_contract(external_no)
        if not isinstance(said, Done):
            return _unheard(said)
        found = said.value
        return InForce(found.contract_id, found.signed_at) if found is not None and found.in_force else NotInForce()

    def unsign(self, external_no: str, agreement_no: str | None) -> Ended | NoAnswer:  # noqa: ARG002 - ours names it here
        """`papay/deletecontract`."""
        said = self._client.delete_contract(external_no)
        return Ended() if isinstance(said, Done) else _unheard(said)

    def announce(self, agreement_no: str, amount: int) -> Announced | NotAnnounced | NoAnswer:
        """`v3/papay/contracts/{contract_id}/notify`."""
        said = self._client.announce(agreement_no, Money(amount), days=DAYS)
        if isinstance(said, Done):
            return Announced()
        return NotAnnounced(said.code) if isinstance(said, Declined) and not said.throttled else _unheard(said)

    def verify(self, body: bytes) -> AgreementNotice:
        """`ADD` and `DELETE`, signed with the key only WeChat and we hold, for our merchant."""
        try:
            notice = verify_contract_notice(self._client.config, body)
        except NotSignedError as error:
            raise NotBelievedError(str(error)) from error
        return AgreementNotice(notice.contract_code, notice.contract_id, notice.kind, notice.at)


def _unheard(said: Declined | Unknown) -> NoAnswer:
    return NoAnswer(said.code if isinstance(said, Declined) else said.reason)
