"""ACS3-HMAC-SHA256, Alibaba Cloud's request signature, from the side that verifies it."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote

ALGORITHM = "ACS3-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=(?P<key>[^,\s]+),\s*"
    r"SignedHeaders=(?P<signed>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]+)"
)
_MUST_BE_SIGNED = frozenset(
    {"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"}
)


def canonical_request(method: str, path: str, query: str, headers: Mapping[str, str], signed: list[str]) -> str:
    """The text whose hash is signed. `headers` have lower-case names."""
    pairs = sorted((_encode(name), _encode(value)) for name, value in parse_qsl(query, keep_blank_values=True))
    return "\n".join(
        [
            method,
            path,
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in signed),
            ";".join(signed),
            headers.get("x-acs-content-sha256", ""),
        ]
    )


def signature(canonical: str, secret: str) -> str:
    """The hex HMAC of the canonical request's hash."""
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def fault(
    method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, *, secrets: Mapping[str, str]
) -> str | None:
    """Why a request is not believed, as the vendor's error code, or None. `secrets` are by access key id."""
    claim = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if claim is None:
        return "MissingAuthorization"
    signed = claim["signed"].split(";")
    if claim["key"] not in secrets:
        return "InvalidAccessKeyId.NotFound"
    if not _MUST_BE_SIGNED.issubset(signed) or signed != sorted(signed):
        return "IncompleteSignature"
    if headers.get("x-acs-content-sha256") != hashlib.sha256(body).hexdigest():
        return "InvalidContentSha256"
    expected = signature(canonical_request(method, path, query, headers, signed), secrets[claim["key"]])
    return None if hmac.compare_digest(expected, claim["signature"]) else "SignatureDoesNotMatch"


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")
