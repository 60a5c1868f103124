"""Two key pairs made for the test run: the app's and Alipay's, and the independent peer holding either end."""

from base64 import b64encode
from functools import cache

from alipay import AliPay
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from shared.vendors.alipay_config import AlipayConfig

APP_ID = "2021000000000001"
SELLER_ID = "2088000000000001"


@cache
def key(name: str) -> RSAPrivateKey:
    """A key of that name, the same all through the run."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(of: RSAPrivateKey) -> str:
    return of.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(of: RSAPrivateKey) -> str:
    return of.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def bare(pem: str) -> str:
    """The base64 between a PEM's rules, as Alipay's console shows it."""
    return "".join(line for line in pem.splitlines() if not line.startswith("-----"))


def pkcs1(of: RSAPrivateKey) -> str:
    """The older form of a bare private key."""
    return b64encode(of.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())).decode()


def config(gateway_url: str = "http://127.0.0.1:1/gateway.do") -> AlipayConfig:
    return AlipayConfig(
        gateway_url=gateway_url,
        app_id=APP_ID,
        seller_id=SELLER_ID,
        app_private_key=bare(private_pem(key("app"))),
        alipay_public_key=bare(public_pem(key("alipay"))),
    )


def peer_as_app() -> AliPay:
    """python-alipay-sdk in our place: it signs as the app and verifies Alipay."""
    return AliPay(
        appid=APP_ID,
        app_private_key_string=private_pem(key("app")),
        alipay_public_key_string=public_pem(key("alipay")),
    )


def peer_as_alipay() -> AliPay:
    """python-alipay-sdk in Alipay's place: it signs as Alipay."""
    return AliPay(
        appid=APP_ID,
        app_private_key_string=private_pem(key("alipay")),
        alipay_public_key_string=public_pem(key("app")),
    )
