"""Who we are to WeChat Pay: the content of the secret `wechat`."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.vendors import rsa_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

_REQUIRED = ("base_url", "mchid", "appid", "merchant_private_key", "merchant_serial", "api_v3_key")
_OPTIONAL = ("public_key_id", "public_key", "api_v2_key", "papay_plan_id")
_API_V3_KEY_BYTES = 32


@dataclass(frozen=True)
class WechatConfig:
    """One merchant and one app of it. Keys are PEM or bare base64; they never show in a repr.

    `public_key_id` and `public_key` are WeChat Pay's in public-key mode; without them answers are signed by platform
    certificates, which the client fetches. Both may be in use at once: WeChat moves a merchant over seven days.
    `api_v2_key` and `papay_plan_id` are set where the merchant may withhold (委托代扣), which speaks the older wire.
    """

    base_url: str
    mchid: str
    appid: str
    merchant_serial: str
    merchant_private_key: str = field(repr=False)
    api_v3_key: str = field(repr=False)
    public_key_id: str = ""
    public_key: str = field(default="", repr=False)
    api_v2_key: str = field(default="", repr=False)
    papay_plan_id: str = ""

    @classmethod
    def from_secret(cls, text: str) -> "WechatConfig":
        """Read the secret's JSON object. Raises ValueError, which names what is missing, not its value."""
        try:
            fields: Any = json.loads(text)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            message = "the wechat secret is not a JSON object"
            raise ValueError(message)  # noqa: TRY004 - the secret is wrong, not the program
        missing = [name for name in _REQUIRED if not isinstance(fields.get(name), str) or not fields[name]]
        if missing:
            message = f"the wechat secret lacks {', '.join(missing)}"
            raise ValueError(message)
        if len(fields["api_v3_key"].encode()) != _API_V3_KEY_BYTES:
            message = f"the wechat secret's api_v3_key is not {_API_V3_KEY_BYTES} bytes"
            raise ValueError(message)
        optional = {name: str(fields.get(name, "")) for name in _OPTIONAL}
        return cls(**{name: fields[name] for name in _REQUIRED}, **optional)

    @cached_property
    def signing_key(self) -> "RSAPrivateKey":
        """The merchant's key. Raises ValueError when it cannot be read."""
        return rsa_text.private_key(self.merchant_private_key)

    @cached_property
    def verifying_key(self) -> "RSAPublicKey | None":
        """WeChat Pay's key in public-key mode; None without one. Raises ValueError when it cannot be read."""
        return rsa_text.public_key(self.public_key) if self.public_key else None
