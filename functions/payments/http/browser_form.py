"""A page that takes the buyer's browser to a vendor which wants a form posted, where an address is all we can hand out."""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Final

from starlette.responses import HTMLResponse

from shared.i18n import Locale

_SCRIPT: Final = "document.forms[0].submit()"
_HASH: Final = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_TITLE: Final[dict[Locale, str]] = {"zh-CN": "正在前往支付页面…", "en": "Taking you to the payment page…"}
_BUTTON: Final[dict[Locale, str]] = {"zh-CN": "继续支付", "en": "Continue to payment"}


def browser_form(action: str, fields: Mapping[str, str], locale: Locale) -> HTMLResponse:
    """The page; it posts `fields` to `action` by itself, or by its button where no script may run."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    title = _TITLE[locale]
    return HTMLResponse(
        f'<!doctype html><html lang="{locale}"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"></head>'
        f'<body><p>{title}</p><form method="post" action="{escape(action)}">{hidden}<button>{_BUTTON[locale]}</button></form>'
        f"<script>{_SCRIPT}</script></body></html>",
        # No `form-action`: the vendor sends the browser on to hosts of its own.
        headers={"content-security-policy": f"default-src 'none'; script-src 'sha256-{_HASH}'; base-uri 'none'"},
    )
