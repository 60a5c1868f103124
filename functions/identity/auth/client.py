"""Whence and with what a person calls."""

from functions.identity.models import Client
from functions.identity.schemas.accounts import OnDevice
from shared.http.context import RequestContext


def client_of(context: RequestContext, body: OnDevice | None = None) -> Client:
    """The address and program of a request, and the device its body names."""
    if body is None:
        return Client(context.ip, context.user_agent)
    return Client(context.ip, context.user_agent, body.device_id, body.device_type, body.app_version)
