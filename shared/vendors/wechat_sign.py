"""WeChat Pay API v3: what is signed by whom, and the sealed parts of its notices.

We sign every request over its method, path, time, nonce and body; WeChat signs every answer and notice over time, nonce
and raw body. Whose key signed is told by `Wechatpay-Serial`: `PUB_KEY_ID_…` is its public key, anything else a platform
certificate.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.vendors import rsa_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from shared.vendors.wechat_config import WechatConfig

SCHEME = "WECHATPAY2-SHA256-RSA2048"
SIGNED_HEADERS = (
    "wechatpay-timestamp", "wechatpay-nonce", "wechatpay-signature", "wechatpay-serial", "wechatpay-signature-type",
)  # fmt: skip
_SKEW_SECONDS = 300
# A probe, signed badly on purpose, to see whether we look: it must be refused.
_PROBE = "WECHATPAY/SIGNTEST/"

Keys = Mapping[str, "RSAPublicKey"]
"""WeChat's keys by the serial that names them."""


class NotSignedError(Exception):
    """What came is not WeChat Pay's word, or not of now; the message says why."""


def nonce() -> str:
    """32 characters no one used before."""
    return secrets.token_hex(16)


def authorization(config: "WechatConfig", method: str, path: str, body: str, *, at: int, nonce_str: str) -> str:
    """The `Authorization` of a request; `path` with its query, `at` in epoch seconds."""
    signature = rsa_text.sign(f"{method}\n{path}\n{at}\n{nonce_str}\n{body}\n", config.signing_key)
    told = {
        "mchid": config.mchid,
        "nonce_str": nonce_str,
        "signature": signature,
        "timestamp": str(at),
        "serial_no": config.merchant_serial,
    }
    return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in told.items())


def check(headers: Mapping[str, str], body: bytes, keys: Keys, now: float) -> None:
    """Believe an answer or a notice: WeChat's signature, by a key we know, made within five minutes.

    Header names in lower case. Raises NotSignedError. An unknown serial fetches nothing: a stranger must not be able
    to make us call out from within a callback.
    """
    missing = [name for name in SIGNED_HEADERS[:4] if not headers.get(name)]
    if missing:
        raise NotSignedError(f"no {missing[0]}")
    stamp, signature = headers["wechatpay-timestamp"], headers["wechatpay-signature"]
    if headers.get("wechatpay-signature-type", SCHEME) != SCHEME:
        raise NotSignedError("unknown scheme")
    if signature.startswith(_PROBE):
        raise NotSignedError("probe")
    if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp)) > _SKEW_SECONDS:
        raise NotSignedError("stale")
    key = keys.get(headers["wechatpay-serial"])
    if key is None:
        raise NotSignedError("unknown serial")
    try:
        text = f"{stamp}\n{headers['wechatpay-nonce']}\n{body.decode()}\n"
    except UnicodeDecodeError as error:
        raise NotSignedError("not text") from error
    if not rsa_text.is_signed(text, signature, key):
        raise NotSignedError("signature")


def unseal(api_v3_key: str, sealed: Mapping[str, str]) -> str:
    """Open a resource `{algorithm, nonce, associated_data, ciphertext}`. Raises ValueError when it is not ours."""
    if sealed.get("algorithm", "AEAD_AES_256_GCM") != "AEAD_AES_256_GCM":
        message = "unknown algorithm"
        raise ValueError(message)
    try:
        ciphertext = base64.b64decode(sealed["ciphertext"], validate=True)
        opened = AESGCM(api_v3_key.encode()).decrypt(
            sealed["nonce"].encode(), ciphertext, (sealed.get("associated_data") or "").encode()
        )
    except (InvalidTag, KeyError, binascii.Error, AttributeError) as error:
        message = "the sealed part is not ours"
        raise ValueError(message) from error
    return opened.decode()


def app_parameters(config: "WechatConfig", prepay_id: str, *, at: int, nonce_str: str) -> dict[str, str]:
    """What our app hands to WeChat's to have an order paid."""
    signature = rsa_text.sign(f"{config.appid}\n{at}\n{nonce_str}\n{prepay_id}\n", config.signing_key)
    return {
        "appid": config.appid, "partnerid": config.mchid, "prepayid": prepay_id, "package": "Sign=WXPay",
        "noncestr": nonce_str, "timestamp": str(at), "sign": signature,
    }  # fmt: skip


def page_parameters(config: "WechatConfig", prepay_id: str, *, at: int, nonce_str: str) -> dict[str, str]:
    """What a page inside WeChat (JSAPI, mini program) hands to its bridge."""
    package = f"prepay_id={prepay_id}"
    signature = rsa_text.sign(f"{config.appid}\n{at}\n{nonce_str}\n{package}\n", config.signing_key)
    return {
        "appId": config.appid, "timeStamp": str(at), "nonceStr": nonce_str, "package": package, "signType": "RSA",
        "paySign": signature,
    }  # fmt: skip
