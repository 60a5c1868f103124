"""Who is calling, and the rule each route names. Deny unless a rule allows; a test walks every route and finds its rule."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from shared import api_keys, observe, ratelimit, tokens
from shared.addresses import is_allowed
from shared.caller import Caller, caller_of, forget_session
from shared.dynamo import edge
from shared.errors import (
    AccountBanned,
    CreatorRequired,
    IpNotAllowed,
    PermissionDenied,
    RateLimited,
    Refusal,
    TokenExpired,
    TokenRevoked,
    Unauthenticated,
)
from shared.http import calls, violations
from shared.http.context import RequestContext, of_scope
from shared.i18n import negotiate
from shared.settings import Settings, staged
from shared.sql import duty

T = TypeVar("T")


_VENDORS_FACTOR = 20
_LIMITS = {
    "ip": "ip_per_minute",
    "signature": "ip_per_minute",
    "auth_ip": "auth_ip_per_minute",
    "user": "user_per_minute",
    "staff": "staff_per_minute",
    "staff_mutation": "staff_mutations_per_minute",
}


class LimitSettings(Settings):
    """Rate limits (rules.md §19) where no setting `rate_limits.*` is published; the factor multiplies all of them."""

    rate_limit_factor: int | None = None
    ip_per_minute: int = 300
    user_per_minute: int = 600
    auth_ip_per_minute: int = 30
    staff_per_minute: int = 1200
    staff_mutations_per_minute: int = 120

    @property
    def factor(self) -> int:
        """As the environment says, else the default of the stage."""
        return staged("rate_limits.factor", self.stage) if self.rate_limit_factor is None else self.rate_limit_factor


class Rule(ABC):
    """A dependency that decides whether a caller may pass. Its `name` and `permission` go into the OpenAPI document."""

    name = "public"
    permission: str | None = None

    @abstractmethod
    async def __call__(self, request: Request) -> Caller | None:
        """Let the caller pass or raise a refusal."""


class PublicRule(Rule):
    """No token needed; a valid one adds the viewer."""

    name = "public"

    async def __call__(self, request: Request) -> Caller | None:
        """The viewer, or None. A token that no longer counts is as good as none, and a header says so:
        signing in again with the old token attached must not fail because of it.
        """
        context = _named(request, self)
        try:
            caller = _entitled(context)
        except (Unauthenticated, TokenExpired, TokenRevoked, AccountBanned, IpNotAllowed, PermissionDenied) as refusal:
            caller = None
            context.headers["www-authenticate"] = f'Bearer error="{refusal.error}"'
        if caller is None:
            auth_path = context.path.startswith(("/api/v1/auth/", "/api/v1/admin/auth/"))
            _limit(context, "auth_ip" if auth_path else "ip", context.ip)
        else:
            _limit(context, "user", str(caller.uid))
        return caller


class SignatureRule(Rule):
    """The body proves itself by a vendor's signature; the route verifies it."""

    name = "signature"

    async def __call__(self, request: Request) -> None:
        """Limit the address only; vendors send bursts, so generously."""
        context = _named(request, self)
        _limit(context, "signature", context.ip)


class UserRule(Rule):
    """Any signed-in user."""

    name = "user"

    async def __call__(self, request: Request) -> Caller:
        """The caller; 401 without a valid token or key, 403 for a key without the scope."""
        context = _named(request, self)
        with _limiting_failures(context):
            caller = _entitled(context)
            if caller is None:
                raise Unauthenticated
        _limit(context, "user", str(caller.uid))
        return caller


class CreatorRule(UserRule):
    """A user whose creator certification was approved."""

    name = "creator"

    async def __call__(self, request: Request) -> Caller:
        """The creator; 403 for other users."""
        caller = await super().__call__(request)
        if not caller.is_creator:
            # Certified a moment ago, perhaps: what is remembered may be 30 s old, so look again before refusing.
            forget_session(caller.uid, caller.session_id)
            caller = caller_of(caller.uid, caller.session_id)
        if not caller.is_creator:
            raise CreatorRequired
        return caller


class StaffRule(Rule):
    """A staff session that holds one permission (or none in particular)."""

    def __init__(self, permission: str | None, label: str) -> None:
        self.permission = permission
        self.name = label

    async def __call__(self, request: Request) -> Caller:
        """The operator; a user's token never carries staff permissions, and no key is an operator's."""
        context = _named(request, self)
        mutates = context.method not in {"GET", "HEAD"}
        if mutates:
            context.duty = duty.begin(self.name, self.permission)
        with _limiting_failures(context):
            caller = identify(context)
            if caller is None:
                raise Unauthenticated
        _limit(context, "staff", str(caller.uid))
        if mutates:
            _limit(context, "staff_mutation", str(caller.uid))
        if caller.kind != "staff" or (self.permission is not None and not caller.may(self.permission)):
            violations.note(context, caller, self.permission)
            raise PermissionDenied(permission=self.permission)
        if context.duty is not None:
            context.duty.due = True
        return caller


def staff(permission: str | None = None, label: str = "admin") -> Any:
    """The dependency of `operator` and `admin` rows: a staff session holding `permission`, e.g. `payment:write`."""
    return Depends(StaffRule(permission, label))


Public = Annotated[Caller | None, Depends(PublicRule())]
Signed = Annotated[None, Depends(SignatureRule())]
SignedIn = Annotated[Caller, Depends(UserRule())]
Creator = Annotated[Caller, Depends(CreatorRule())]


async def request_context(request: Request) -> RequestContext:
    """What is known about the request, for routes that audit it."""
    return of_scope(request.scope)


Context = Annotated[RequestContext, Depends(request_context)]


def identify(context: RequestContext) -> Caller | None:
    """The caller named by the bearer token or the API key, or None without either. One DynamoDB read, kept for 30 s.

    Raises TokenExpired, TokenRevoked, AccountBanned, IpNotAllowed or Unauthenticated, the last also for token and key at
    once: whose rights apply must not depend on who reads first (RFC 6750 §2).
    """
    if context.api_key and context.authorization:
        raise Unauthenticated(reason="two_credentials")
    if context.api_key:
        caller = api_keys.caller_with(context.api_key, Settings.load().public_url)
    elif (signed_in := _with_token(context.authorization)) is None:
        return None
    else:
        caller = signed_in
    observe.add(user_id=caller.uid)
    context.uid, context.session = caller.uid, caller.kind
    context.locale = negotiate(context.accept_language, caller.locale)
    if caller.kind == "staff" and not is_allowed(context.ip, edge.in_force().get("security.ip_allowlist", ())):
        raise IpNotAllowed
    if caller.kind != "staff":
        calls.note(context, caller.uid)
    return caller


def _with_token(authorization: str) -> Caller | None:
    scheme, _, token = authorization.partition(" ")
    if not token:
        return None
    if scheme.lower() != "bearer":
        raise Unauthenticated
    claims = tokens.verify(token.strip(), Settings.load().public_url)
    caller = caller_of(claims["sub"], claims["sid"])
    if claims.get("typ") != caller.kind or caller.kind == api_keys.KIND:
        raise Unauthenticated
    if claims["perms_v"] < caller.perms_v:
        raise TokenExpired
    return caller


def _entitled(context: RequestContext) -> Caller | None:
    """The caller, whose API key, if that is what they came with, has the scope for this request."""
    caller = identify(context)
    if caller is not None and caller.kind == api_keys.KIND:
        api_keys.permit(caller, context.method, context.path)
    return caller


@contextmanager
def _limiting_failures(context: RequestContext) -> Iterator[None]:
    """Who fails to prove who they are is counted by address, as nobody in particular."""
    try:
        yield
    except (Unauthenticated, TokenExpired, TokenRevoked, AccountBanned):
        _limit(context, "ip", context.ip)
        raise


def _named(request: Request, rule: Rule) -> RequestContext:
    context = of_scope(request.scope)
    context.rule = f"{rule.name}:{rule.permission}" if rule.permission else rule.name
    return context


def _limit(context: RequestContext, rule: str, subject: str) -> None:
    verdict = ratelimit.take(ratelimit.Limit(rule, _per_minute(rule)), subject)
    context.headers |= {
        "x-ratelimit-limit": str(verdict.limit),
        "x-ratelimit-remaining": str(verdict.remaining),
        "x-ratelimit-reset": str(verdict.reset_seconds),
    }
    if not verdict.allowed:
        observe.count("rate_limited")
        raise RateLimited(retry_after=verdict.reset_seconds)


def _per_minute(rule: str) -> int:
    published, own, name = edge.in_force(), LimitSettings.load(), _LIMITS[rule]
    limit: int = published.get(f"rate_limits.{name}") or getattr(own, name)
    factor: int = published.get("rate_limits.factor") or own.factor
    return limit * factor * (_VENDORS_FACTOR if rule == "signature" else 1)


def owned(row: T | None, owner_id: int | None, caller: Caller, refusal: type[Refusal]) -> T:
    """The row when it is the caller's; `refusal` (a 404) when there is none or it is someone else's."""
    if row is None or owner_id != caller.uid:
        raise refusal
    return row
