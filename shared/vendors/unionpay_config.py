"""Who we are to UnionPay, and whom we take for it: the content of the secret `unionpay`."""

import base64
import binascii
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.vendors import rsa_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from shared.vendors.unionpay_chain import Trust

_REQUIRED = ("gateway_url", "file_url", "mer_id", "root_certificate", "middle_certificate")
_COMPANY = "中国银联股份有限公司"


@dataclass(frozen=True)
class UnionpayConfig:
    """One merchant. Keys and certificates are PEM; `cert_id` is the decimal serial of the merchant's certificate.

    UnionPay signs by a certificate it sends along: believed when it leads over `middle_certificate` to
    `root_certificate` and its common name is `…@…@{signer_company}@…`, or exactly `signer_name` where that is set: the
    vendor's test environment has one of its own.
    """

    gateway_url: str
    file_url: str
    mer_id: str
    cert_id: str
    root_certificate: str
    middle_certificate: str
    sign_private_key: str = field(repr=False)
    signer_company: str = _COMPANY
    signer_name: str = ""

    @classmethod
    def from_secret(cls, text: str) -> "UnionpayConfig":
        """Read the secret's JSON object: the merchant's key as `sign_private_key` and `cert_id`, or both in one as
        `sign_pkcs12` (base64) with `sign_password`. Raises ValueError, which names what is missing, not its value.
        """
        try:
            fields: Any = json.loads(text)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            message = "the unionpay secret is not a JSON object"
            raise ValueError(message)  # noqa: TRY004 - the secret is wrong, not the program
        own = () if fields.get("sign_pkcs12") else ("sign_private_key", "cert_id")
        missing = [name for name in (*_REQUIRED, *own) if not isinstance(fields.get(name), str) or not fields[name]]
        if missing:
            message = f"the unionpay secret lacks {', '.join(missing)}"
            raise ValueError(message)
        key, cert_id = _opened(fields) if not own else (fields["sign_private_key"], fields["cert_id"])
        return cls(
            **{name: fields[name] for name in _REQUIRED},
            sign_private_key=key,
            cert_id=cert_id,
            signer_company=str(fields.get("signer_company") or _COMPANY),
            signer_name=str(fields.get("signer_name") or ""),
        )

    @cached_property
    def signing_key(self) -> "RSAPrivateKey":
        """The merchant's key. Raises ValueError when it cannot be read."""
        return rsa_text.private_key(self.sign_private_key)

    @cached_property
    def trust(self) -> "Trust":
        """Whom we take for UnionPay. Raises ValueError when the middle certificate is not the root's."""
        from shared.vendors.unionpay_chain import Trust

        return Trust.of(self.root_certificate, self.middle_certificate, self.signer_company, self.signer_name)


def _opened(fields: dict[str, Any]) -> tuple[str, str]:
    """The key in PEM and the serial, out of PKCS#12. Raises ValueError."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

    try:
        packed = base64.b64decode(str(fields["sign_pkcs12"]), validate=True)
        key, certificate, _ = pkcs12.load_key_and_certificates(packed, str(fields.get("sign_password") or "").encode())
    except (ValueError, binascii.Error) as error:
        message = "the unionpay secret's sign_pkcs12 cannot be opened with its sign_password"
        raise ValueError(message) from error
    if key is None or certificate is None:
        message = "the unionpay secret's sign_pkcs12 lacks a key or its certificate"
        raise ValueError(message)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return pem, str(certificate.serial_number)
