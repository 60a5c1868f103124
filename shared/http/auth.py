"""Who is calling, and the rule each route names. Deny unless a rule allows; a test walks every route and finds its rule."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from shared import observe, ratelimit, tokens
from shared.caller import Caller, caller_of, forget_session
from shared.errors import (
    AccountBanned,
    CreatorRequired,
    PermissionDenied,
    RateLimited,
    Refusal,
    TokenExpired,
    TokenRevoked,
    Unauthenticated,
)
from shared.http.context import RequestContext, of_scope
from shared.settings import Settings

T = TypeVar("T")


class LimitSettings(Settings):
    """Rate limits (rules.md §19); `rate_limit_factor` multiplies all of them."""

    rate_limit_factor: int = 1
    ip_per_minute: int = 300
    user_per_minute: int = 600
    auth_ip_per_minute: int = 30
    staff_per_minute: int = 1200
    staff_mutations_per_minute: int = 120


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
            caller = identify(context)
        except (Unauthenticated, TokenExpired, TokenRevoked, AccountBanned) as refusal:
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
        """The caller; 401 without a valid token."""
        context = _named(request, self)
        caller = identify(context)
        if caller is None:
            _limit(context, "ip", context.ip)
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
        """The operator; a user's token never carries staff permissions."""
        context = _named(request, self)
        caller = identify(context)
        if caller is None:
            _limit(context, "ip", context.ip)
            raise Unauthenticated
        _limit(context, "staff", str(caller.uid))
        if context.method not in {"GET", "HEAD"}:
            _limit(context, "staff_mutation", str(caller.uid))
        if caller.kind != "staff" or (self.permission is not None and not caller.may(self.permission)):
            observe.warn("permission_violation", uid=caller.uid, permission=self.permission)
            observe.count("permission_violation")
            raise PermissionDenied(permission=self.permission)
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
    """The caller named by the bearer token, or None without one. One DynamoDB read, kept for 30 s.

    Raises TokenExpired, TokenRevoked, AccountBanned or Unauthenticated.
    """
    scheme, _, token = context.authorization.partition(" ")
    if not token:
        return None
    if scheme.lower() != "bearer":
        raise Unauthenticated
    claims = tokens.verify(token.strip(), Settings.load().public_url)
    caller = caller_of(claims["sub"], claims["sid"])
    observe.add(user_id=caller.uid)
    return caller


def _named(request: Request, rule: Rule) -> RequestContext:
    context = of_scope(request.scope)
    context.rule = f"{rule.name}:{rule.permission}" if rule.permission else rule.name
    return context


def _limit(context: RequestContext, rule: str, subject: str) -> None:
    settings = LimitSettings.load()
    per_minute = {
        "ip": settings.ip_per_minute,
        "auth_ip": settings.auth_ip_per_minute,
        "signature": settings.ip_per_minute * 20,
        "user": settings.user_per_minute,
        "staff": settings.staff_per_minute,
        "staff_mutation": settings.staff_mutations_per_minute,
    }[rule]
    verdict = ratelimit.take(ratelimit.Limit(rule, per_minute * settings.rate_limit_factor), subject)
    context.headers |= {
        "x-ratelimit-limit": str(verdict.limit),
        "x-ratelimit-remaining": str(verdict.remaining),
        "x-ratelimit-reset": str(verdict.reset_seconds),
    }
    if not verdict.allowed:
        observe.count("rate_limited")
        raise RateLimited(retry_after=verdict.reset_seconds)


def owned(row: T | None, owner_id: int | None, caller: Caller, refusal: type[Refusal]) -> T:
    """The row when it is the caller's; `refusal` (a 404) when there is none or it is someone else's."""
    if row is None or owner_id != caller.uid:
        raise refusal
    return row
