"""Who we are to Alipay: the content of the secret `alipay`."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from shared.vendors import rsa_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


@dataclass(frozen=True)
class AlipayConfig:
    """One app of one seller. Keys are PEM or the bare base64 of Alipay's console; they never show in a repr.

    The certificate serial numbers are set where the app works in certificate mode, as transfers ask for in
    production.
    """

    gateway_url: str
    app_id: str
    seller_id: str
    app_private_key: str = field(repr=False)
    alipay_public_key: str = field(repr=False)
    app_cert_sn: str = ""
    alipay_root_cert_sn: str = ""

    @classmethod
    def from_secret(cls, text: str) -> "AlipayConfig":
        """Read the secret's JSON object. Raises ValueError, which names what is missing, not its value."""
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            message = "the alipay secret is not a JSON object"
            raise ValueError(message)  # noqa: TRY004 - the secret is wrong, not the program
        required = ("gateway_url", "app_id", "seller_id", "app_private_key", "alipay_public_key")
        missing = [name for name in required if not isinstance(fields.get(name), str) or not fields[name]]
        if missing:
            message = f"the alipay secret lacks {', '.join(missing)}"
            raise ValueError(message)
        optional = {name: str(fields.get(name, "")) for name in ("app_cert_sn", "alipay_root_cert_sn")}
        return cls(**{name: fields[name] for name in required}, **optional)

    @cached_property
    def signing_key(self) -> "RSAPrivateKey":
        """Our key. Raises ValueError when it cannot be read."""
        return rsa_text.private_key(self.app_private_key)

    @cached_property
    def verifying_key(self) -> "RSAPublicKey":
        """Alipay's key. Raises ValueError when it cannot be read."""
        return rsa_text.public_key(self.alipay_public_key)
