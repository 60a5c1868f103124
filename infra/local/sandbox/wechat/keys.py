"""The simulator's WeChat Pay: its ids, its two ways of signing, and the merchant's pair.

Shares no code with the product's client on purpose: a mistake made once would otherwise agree with itself.
"""

import json
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

MCHID, APPID = "1900000001", "wx2421b1c4370ec43b"
PLAN_ID = "12535"
MERCHANT_SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000000012026112100000000000001"
_LIFE = timedelta(days=3650)
_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


class Keys:
    """The merchant's pair (whose private half the product gets), WeChat's key pair and its platform certificate."""

    def __init__(self, folder: Path) -> None:
        kept = folder / "wechat_keys.json"
        if not kept.exists():
            folder.mkdir(parents=True, exist_ok=True)
            made = {
                name: _pem(generate_private_key(public_exponent=65537, key_size=2048)) for name in ("merchant", "wechat")
            }
            kept.write_text(json.dumps(made | {"api_v3_key": secrets.token_hex(16)}))
            kept.chmod(0o600)
        text = json.loads(kept.read_text())
        self._merchant, self._wechat = _load(text["merchant"]), _load(text["wechat"])
        self._api_v3_key: str = text["api_v3_key"]
        # Derived, so that a folder of keys made before there was withholding serves it too.
        self.api_v2_key = sha256(f"v2:{self._api_v3_key}".encode()).hexdigest()[:32]
        self._certificate = _certificate(self._wechat)
        self.certificate_serial = f"{self._certificate.serial_number:X}"

    def credentials(self, base_url: str, *, with_public_key: bool) -> dict[str, str]:
        """What a merchant would copy from WeChat's console; without the public key it is in certificate mode."""
        told = {
            "base_url": base_url,
            "mchid": MCHID,
            "appid": APPID,
            "merchant_serial": MERCHANT_SERIAL,
            "merchant_private_key": _pem(self._merchant),
            "api_v3_key": self._api_v3_key,
            "api_v2_key": self.api_v2_key,
            "papay_plan_id": PLAN_ID,
        }
        if with_public_key:
            public = self._wechat.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            told |= {"public_key_id": PUBLIC_KEY_ID, "public_key": public.decode()}
        return told

    def is_from_merchant(self, text: str, signature: str) -> bool:
        """Whether the merchant signed a request's text."""
        try:
            self._merchant.public_key().verify(b64decode(signature, validate=True), text.encode(), PKCS1v15(), SHA256())
        except (InvalidSignature, NotBase64):
            return False
        return True

    def signed(self, body: str, *, serial: str, at: datetime, forged: bool = False) -> dict[str, str]:
        """The headers that prove an answer or a notice."""
        stamp, nonce = str(int(at.timestamp())), secrets.token_hex(8)
        text = f"{stamp}\n{nonce}\n{body}{' ' if forged else ''}\n"
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": serial,
            "Wechatpay-Signature": b64encode(self._wechat.sign(text.encode(), PKCS1v15(), SHA256())).decode(),
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }

    def opened(self, sealed: str, serial: str) -> str | None:
        """A field the merchant sealed by WeChat's key; None when it is not one, or names another key."""
        if serial not in {PUBLIC_KEY_ID, self.certificate_serial}:
            return None
        oaep = OAEP(MGF1(SHA1()), SHA1(), None)  # noqa: S303 - the wire is WeChat's
        try:
            return self._wechat.decrypt(b64decode(sealed, validate=True), oaep).decode()
        except ValueError:
            return None

    def sealed(self, text: str, aad: str) -> dict[str, str]:
        """A text only the merchant can open."""
        nonce = secrets.token_hex(6)
        cipher = AESGCM(self._api_v3_key.encode()).encrypt(nonce.encode(), text.encode(), aad.encode())
        return {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": nonce,
            "associated_data": aad,
            "ciphertext": b64encode(cipher).decode(),
        }

    def certificate(self) -> dict[str, object]:
        """The platform certificate as `/v3/certificates` hands it out."""
        pem = self._certificate.public_bytes(Encoding.PEM).decode()
        return {
            "serial_no": self.certificate_serial,
            "effective_time": _BEGIN.isoformat(),
            "expire_time": (_BEGIN + _LIFE).isoformat(),
            "encrypt_certificate": self.sealed(pem, "certificate"),
        }


def _certificate(key: RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com sandbox")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(0x7A1D3C5E9F00112233445566778899AABBCCDDEE)
    return builder.not_valid_before(_BEGIN).not_valid_after(_BEGIN + _LIFE).sign(key, SHA256())


def _pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _load(text: str) -> RSAPrivateKey:
    key = load_pem_private_key(text.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        message = "the kept key is not RSA"
        raise TypeError(message)
    return key
