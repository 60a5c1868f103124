"""The buyer's browser, for those who drive a journey by `/_local/sandbox/{vendor}/pay`: it opens the cashier page first.

A page payment reaches the vendor only when the buyer opens its address. Whoever presses Pay from outside was shown
that address in the API's answer, which came through this front door. Where the address is a page of ours that posts a
form by itself, that is done here too.
"""

import json
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

_POSTS_ITSELF = "document.forms[0].submit()"


class Buyer:
    """Remembers cashier addresses by payment and order number, and opens each when its order is to be paid."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._pages: dict[str, str] = {}

    def watch(self, request: Request, response: Response) -> Response:
        """Look at the answer to a payment that was started, while it passes."""
        if request.url.path.startswith("/api/v1/payments/") and request.url.path.endswith("/create"):
            assert isinstance(response, StreamingResponse)  # noqa: S101 - narrows what `forward` promises
            response.body_iterator = self._noting(response.body_iterator)
        return response

    async def open(self, request: Request) -> None:
        """Open the page of the order that a Pay button is pressed for, unless it was opened before."""
        try:
            told = json.loads(await request.body())
        except ValueError:
            return
        if isinstance(told, dict) and (page := self._pages.pop(str(told.get("order_no")), None)):
            await self._run(await self._client.get(page))

    async def _run(self, opened: httpx.Response) -> None:
        """Do what a browser does of itself with a page whose script posts its form."""
        if _POSTS_ITSELF in opened.text:
            form = _Form()
            form.feed(opened.text)
            await self._client.post(form.action, data=form.fields)

    async def _noting(self, chunks: Any) -> AsyncIterator[Any]:
        seen = b""
        async for chunk in chunks:
            seen += chunk
            yield chunk
        self._note(seen)

    def _note(self, body: bytes) -> None:
        try:
            payment = json.loads(body).get("data")
        except (ValueError, AttributeError):
            return
        if isinstance(payment, dict) and payment.get("pay_url"):
            self._pages[payment["payment_no"]] = self._pages[payment["order_no"]] = payment["pay_url"]


class _Form(HTMLParser):
    """The form of a page, as a browser would post it."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of the form and of what is in it."""
        told = dict(attrs)
        if tag == "form":
            self.action = told.get("action") or ""
        elif tag == "input" and (name := told.get("name")):
            self.fields[name] = told.get("value") or ""
