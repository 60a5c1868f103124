"""The simulator's side of the signatures of 数电发票, done its own way.

Shares no code with the product's client on purpose: a mistake made once would otherwise agree with itself.
"""

import json
import secrets
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest, digest
from pathlib import Path

APP_ID = "einvoice-0001"
_SKEW_SECONDS = 300


class Keys:
    """The app's secret, kept beside the records."""

    def __init__(self, folder: Path) -> None:
        kept = folder / "einvoice_keys.json"
        if not kept.exists():
            folder.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps({"app_secret": secrets.token_hex(32)}))
            kept.chmod(0o600)
        self._secret: str = json.loads(kept.read_text())["app_secret"]

    def credentials(self, gateway_url: str) -> dict[str, str]:
        """What a taxpayer would copy from the provider's console, as the product's secret wants it."""
        return {"gateway_url": gateway_url, "app_id": APP_ID, "app_secret": self._secret}

    def is_from_app(self, method: str, path: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
        """Whether a request is signed by the app, of now."""
        at = headers.get("x-timestamp", "")
        if headers.get("x-app-id") != APP_ID or not at.isdigit() or abs(now - int(at)) > _SKEW_SECONDS:
            return False
        text = f"{method}\n{path}\n{at}\n{headers.get('x-nonce', '')}\n{sha256(body).hexdigest()}"
        return compare_digest(self._sign(text), headers.get("x-signature", ""))

    def answer_signature(self, nonce: str, body: bytes) -> str:
        """Of an answer, to the nonce it answers."""
        return self._sign(f"{nonce}\n{sha256(body).hexdigest()}")

    def _sign(self, text: str) -> str:
        return digest(self._secret.encode(), text.encode(), "sha256").hex()
