"""The simulator's UnionPay: its chain root → middle → signer, a chain of somebody else's, and the merchant's own pair.

Shares no code with the product's client on purpose: a mistake made once would otherwise agree with itself.
"""

import hashlib
import json
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

MER_ID = "777290058110048"
_PASSWORD = "000000"  # noqa: S105 - UnionPay's own for its test certificates
_LIFE = timedelta(days=7300)
_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_SIGNER = "041@83@中国银联股份有限公司@00040000"
_PAIRS = ("merchant", "root", "middle", "signer", "other_root", "other_middle", "other_signer")


@dataclass(frozen=True)
class Signer:
    """A key that signs, and its certificate in PEM."""

    key: RSAPrivateKey
    certificate: str


class Keys:
    """The merchant's pair, whose private half the product gets, and those UnionPay signs with on good and bad days."""

    def __init__(self, folder: Path) -> None:
        kept = folder / "unionpay_keys.json"
        if not kept.exists():
            folder.mkdir(parents=True, exist_ok=True)
            made = {name: _pem(generate_private_key(public_exponent=65537, key_size=2048)) for name in _PAIRS}
            kept.write_text(json.dumps(made))
            kept.chmod(0o600)
        keys = {name: _load(text) for name, text in json.loads(kept.read_text()).items()}
        self._merchant = keys["merchant"]
        self._root = _issued("UnionPay sandbox root", keys["root"], None, keys["root"], serial=1, authority=True)
        self._middle = _issued("UnionPay sandbox", keys["middle"], self._root, keys["root"], serial=2, authority=True)
        self._own = _issued("merchant 777290058110048", self._merchant, self._middle, keys["middle"], serial=68759663125)
        other_root = _issued("UnionPay sandbox root", keys["other_root"], None, keys["other_root"], serial=1, authority=True)
        other = _issued("UnionPay sandbox", keys["other_middle"], other_root, keys["other_root"], serial=2, authority=True)
        self.cert_id = str(self._own.serial_number)
        self.signers = {
            "good": Signer(keys["signer"], _text(_issued(_SIGNER, keys["signer"], self._middle, keys["middle"], serial=3))),
            "wrong_chain": Signer(
                keys["other_signer"],
                _text(_issued(_SIGNER, keys["other_signer"], other, keys["other_middle"], serial=3)),
            ),
            "expired_signer": Signer(
                keys["signer"],
                _text(_issued(_SIGNER, keys["signer"], self._middle, keys["middle"], serial=4, life=timedelta(days=365))),
            ),
            "wrong_signer": Signer(
                self._merchant,
                _text(_issued("041@83@某某商户@1", self._merchant, self._middle, keys["middle"], serial=5)),
            ),
        }

    def credentials(self, base_url: str, *, packed: bool) -> dict[str, str]:
        """What a merchant would be given by UnionPay; `packed` as PKCS#12, else the key as PEM."""
        told = {
            "gateway_url": f"{base_url}/gateway/api",
            "file_url": f"{base_url}/file",
            "mer_id": MER_ID,
            "root_certificate": _text(self._root),
            "middle_certificate": _text(self._middle),
        }
        if not packed:
            return told | {"sign_private_key": _pem(self._merchant), "cert_id": self.cert_id}
        content = pkcs12.serialize_key_and_certificates(
            b"merchant", self._merchant, self._own, None, BestAvailableEncryption(_PASSWORD.encode())
        )
        return told | {"sign_pkcs12": b64encode(content).decode(), "sign_password": _PASSWORD}

    def is_from_merchant(self, fields: Mapping[str, str]) -> bool:
        """Whether the merchant signed these fields."""
        try:
            signature = b64decode(fields.get("signature", ""), validate=True)
            self._merchant.public_key().verify(signature, _hashed(fields), PKCS1v15(), SHA256())
        except (InvalidSignature, NotBase64, ValueError):
            return False
        return fields.get("certId") == self.cert_id

    def signed(self, fields: Mapping[str, str], *, by: str = "good", forged: bool = False) -> dict[str, str]:
        """The fields of an answer or a notice with what proves them; `by` names the signer."""
        signer = self.signers[by]
        told = dict(fields) | {"signPubKeyCert": signer.certificate}
        hashed = _hashed(told | ({"respMsg": "forged"} if forged else {}))
        return told | {"signature": b64encode(signer.key.sign(hashed, PKCS1v15(), SHA256())).decode()}


def _hashed(fields: Mapping[str, str]) -> bytes:
    lines = [f"{name}={value}" for name, value in sorted(fields.items()) if name != "signature"]
    return hashlib.sha256("&".join(lines).encode()).hexdigest().encode()


def _issued(
    name: str,
    key: RSAPrivateKey,
    by: x509.Certificate | None,
    with_key: RSAPrivateKey,
    *,
    serial: int,
    authority: bool = False,
    life: timedelta = _LIFE,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(by.subject if by else subject)
    builder = builder.public_key(key.public_key()).serial_number(serial)
    builder = builder.not_valid_before(_BEGIN).not_valid_after(_BEGIN + life)
    return builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True).sign(
        with_key, SHA256()
    )


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _load(text: str) -> RSAPrivateKey:
    key = load_pem_private_key(text.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        message = "the kept key is not RSA"
        raise TypeError(message)
    return key
