"""The registered apps and the signing keys of Google and Apple; JWS done by hand (RFC 7515).

Shares no code with the product's verifier on purpose: a mistake made once would otherwise agree with itself.
"""

import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

TEAM_ID = "TEAM000001"
KEY_ID = "KEY0000001"
_IDS = {
    "wechat": "wx0000000000000001",
    "qq": "101000001",
    "weibo": "1000000001",
    "google": "sandbox-1.apps.googleusercontent.com",
    "apple": "example.sharestack.web",
}
_COORDINATE = 32


class Keys:
    """Made once and kept, since the product keeps its half."""

    def __init__(self, folder: Path) -> None:
        kept = folder / "oauth_keys.json"
        if not kept.exists():
            folder.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps({
                "secrets": {name: secrets.token_urlsafe(24) for name in _IDS if name != "apple"},
                "google": _pem(generate_private_key(public_exponent=65537, key_size=2048)),
                "apple": _pem(generate_private_key(public_exponent=65537, key_size=2048)),
                "apple_app": _pem(ec.generate_private_key(ec.SECP256R1())),
            }))  # fmt: skip
            kept.chmod(0o600)
        self._kept: dict[str, Any] = json.loads(kept.read_text())
        self._rsa = {name: _rsa(self._kept[name]) for name in ("google", "apple")}
        self._strange = generate_private_key(public_exponent=65537, key_size=2048)

    def client_id(self, provider: str) -> str:
        """The app's id at a provider."""
        return _IDS[provider]

    def client_secret(self, provider: str) -> str:
        """The app's secret; Apple has none, but a key."""
        return str(self._kept["secrets"].get(provider, ""))

    @property
    def apple_app_key(self) -> str:
        """The private key the product signs its client secret with, PEM."""
        return str(self._kept["apple_app"])

    def jwks(self, provider: str) -> dict[str, Any]:
        """The public signing key of a provider."""
        numbers = self._rsa[provider].public_key().public_numbers()
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "alg": "RS256",
                    "use": "sig",
                    "kid": f"{provider}-1",
                    "n": _b64(numbers.n.to_bytes(256, "big")),
                    "e": _b64(numbers.e.to_bytes(3, "big")),
                }
            ]
        }

    def sign(self, provider: str, claims: dict[str, Any], how: str) -> str:
        """An id_token; `how` is `ok`, or one of the ways to forge one."""
        header = {"alg": "RS256", "kid": f"{provider}-1", "typ": "JWT"}
        if how == "unsigned":
            return f"{_part(header | {'alg': 'none'})}.{_part(claims)}."
        if how == "hmac_with_public_key":
            text = f"{_part(header | {'alg': 'HS256'})}.{_part(claims)}"
            public = self._rsa[provider].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            return f"{text}.{_b64(hmac.digest(public, text.encode(), 'sha256'))}"
        key = self._strange if how == "wrong_key" else self._rsa[provider]
        text = f"{_part(header)}.{_part(claims)}"
        return f"{text}.{_b64(key.sign(text.encode(), PKCS1v15(), SHA256()))}"

    def apple_secret_claims(self, token: str) -> dict[str, Any] | None:
        """The claims of a client secret that the app's key signed (ES256), or None."""
        try:
            head, body, signature = token.split(".")
            header, claims, raw = json.loads(_raw(head)), json.loads(_raw(body)), _raw(signature)
            if (header["alg"], header["kid"], len(raw)) != ("ES256", KEY_ID, 2 * _COORDINATE):
                return None
            r, s = int.from_bytes(raw[:_COORDINATE], "big"), int.from_bytes(raw[_COORDINATE:], "big")
            key = load_pem_private_key(self.apple_app_key.encode(), password=None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                return None
            key.public_key().verify(encode_dss_signature(r, s), f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
        except (ValueError, KeyError, TypeError, InvalidSignature):
            return None
        return claims if isinstance(claims, dict) else None


def _part(content: dict[str, Any]) -> str:
    return _b64(json.dumps(content, separators=(",", ":")).encode())


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _pem(key: RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _rsa(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        message = "the kept key is not RSA"
        raise TypeError(message)
    return key
