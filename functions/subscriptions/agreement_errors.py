"""What is refused about agreements."""

from shared.errors import Refusal


class AgreementNotFound(Refusal):
    status, error = 404, "agreement_not_found"
    zh, en = "代扣协议不存在", "There is no such agreement"


class AgreementEnded(Refusal):
    status, error = 409, "agreement_ended"
    zh, en = "代扣协议已终止", "The agreement has ended already"


class AlreadyEnabled(Refusal):
    status, error = 409, "already_enabled"
    zh, en = "自动续费已开启", "Automatic renewal is on already"


class SignatureInvalid(Refusal):
    status, error = 401, "signature_invalid"
    zh, en = "签名验证失败", "The signature is not valid"
