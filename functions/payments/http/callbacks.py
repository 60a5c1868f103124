"""What the callbacks of all channels share: take in what a vendor posted, and answer in its own words."""

from fastapi import Request
from starlette.responses import Response

from functions.payments.gateways.base import Posted
from functions.payments.gateways.registry import gateway
from functions.payments.models import Channel
from functions.payments.service import notices
from shared.http.context import of_scope


def hear(channel: Channel, request: Request) -> Response:
    """Take in a notice. Raises SignatureInvalid, OrderNotFound or AmountMismatch."""
    signed = {name: request.headers[name] for name in gateway(channel).signed_headers if name in request.headers}
    said = notices.receive(channel, Posted(of_scope(request.scope).body, signed))
    return Response(said.text, media_type=said.media_type)
