"""The simulator's Alipay account: its ids, the two key pairs, and RSA2 done its own way.

Shares no code with the product's client on purpose: a mistake made once would otherwise agree with itself.
"""

import json
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

APP_ID = "2021000000000001"
SELLER_ID = "2088000000000001"


class Keys:
    """The app's pair (whose private half the product gets) and Alipay's own."""

    def __init__(self, folder: Path) -> None:
        kept = folder / "alipay_keys.json"
        if not kept.exists():
            folder.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps({"app": _new_key(), "alipay": _new_key()}))
            kept.chmod(0o600)
        text = json.loads(kept.read_text())
        self._app, self._alipay = _load(text["app"]), _load(text["alipay"])

    def credentials(self, gateway_url: str) -> dict[str, str]:
        """What a merchant would copy from Alipay's console, as the product's secret wants it."""
        return {
            "gateway_url": gateway_url,
            "app_id": APP_ID,
            "seller_id": SELLER_ID,
            "app_private_key": _bare_private(self._app),
            "alipay_public_key": b64encode(
                self._alipay.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            ).decode(),
        }

    def is_from_app(self, params: Mapping[str, str]) -> bool:
        """Whether a request was signed by the app: every parameter with a value, `sign` aside."""
        signed = "&".join(f"{k}={params[k]}" for k in sorted(params) if k != "sign" and params[k] != "")
        try:
            raw = b64decode(params.get("sign", ""), validate=True)
            self._app.public_key().verify(raw, signed.encode(), PKCS1v15(), SHA256())
        except (InvalidSignature, NotBase64):
            return False
        return True

    def sign(self, text: str) -> str:
        """Alipay's signature of a text."""
        return b64encode(self._alipay.sign(text.encode(), PKCS1v15(), SHA256())).decode()

    def sign_fields(self, fields: Mapping[str, str]) -> str:
        """Alipay's signature of a notification or of a return: every field, empty or not, but the type."""
        return self.sign("&".join(f"{k}={fields[k]}" for k in sorted(fields) if k not in {"sign", "sign_type"}))

    def answer(self, method: str, payload: Mapping[str, Any], *, forged: bool = False) -> str:
        """A gateway answer: the payload's text with slashes escaped, as Alipay writes it, and its signature."""
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
        signature = self.sign(body + " " if forged else body)
        return f'{{"{method.replace(".", "_")}_response":{body},"sign":"{signature}"}}'


def _new_key() -> str:
    return _bare_private(generate_private_key(public_exponent=65537, key_size=2048))


def _bare_private(key: RSAPrivateKey) -> str:
    return b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


def _load(text: str) -> RSAPrivateKey:
    key = load_der_private_key(b64decode(text), password=None)
    if not isinstance(key, RSAPrivateKey):
        message = "the kept key is not RSA"
        raise TypeError(message)
    return key
