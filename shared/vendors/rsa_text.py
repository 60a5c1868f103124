"""SHA256withRSA (PKCS#1 v1.5) over text, in base64: the signature of all three Chinese gateways. What text is signed differs."""

import base64
import binascii
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


@lru_cache(maxsize=8)
def private_key(text: str) -> rsa.RSAPrivateKey:
    """Read an RSA private key from PEM or from bare base64 (PKCS#8 or PKCS#1). Raises ValueError.

    Remembered, because checking that its numbers make a key takes 25 ms of a core.
    """
    if text.lstrip().startswith("-----"):
        key = serialization.load_pem_private_key(text.strip().encode(), password=None)
    else:
        key = serialization.load_der_private_key(_base64("".join(text.split())), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        message = "the private key is not RSA"
        raise TypeError(message)
    return key


def public_key(text: str) -> rsa.RSAPublicKey:
    """Read an RSA public key from PEM or from bare base64. Raises ValueError."""
    if text.lstrip().startswith("-----"):
        key = serialization.load_pem_public_key(text.strip().encode())
    else:
        key = serialization.load_der_public_key(_base64("".join(text.split())))
    if not isinstance(key, rsa.RSAPublicKey):
        message = "the public key is not RSA"
        raise TypeError(message)
    return key


def sign(text: str, key: rsa.RSAPrivateKey) -> str:
    """The base64 signature of `text` (UTF-8)."""
    return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def seal(text: str, key: rsa.RSAPublicKey) -> str:
    """A text only the key's owner can read (RSAES-OAEP with SHA-1, which WeChat asks for), in base64."""
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 - not for collisions, and WeChat's choice
    return base64.b64encode(key.encrypt(text.encode(), oaep)).decode()


def is_signed(text: str, signature: str, key: rsa.RSAPublicKey) -> bool:
    """Whether `signature` (base64) is `key`'s signature of `text`."""
    try:
        key.verify(_base64(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _base64(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        message = "not base64"
        raise ValueError(message) from error
    # The last character of a padded text has bits nobody reads: one signature must have one spelling.
    if base64.b64encode(decoded).decode() != text:
        message = "not canonical base64"
        raise ValueError(message)
    return decoded
