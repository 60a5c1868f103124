"""Staff accounts: a function of its own, for it alone in this domain hashes passwords."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.admin.errors import (
    AdminNotFound,
    AlreadyStaff,
    CannotRemoveSelf,
    LastSuperAdmin,
    PermissionUnknown,
    RoleNotFound,
    RoleNotGrantable,
    UserNotFound,
)
from functions.admin.models import Operator
from functions.admin.schemas.permissions import Deleted
from functions.admin.schemas.staff import Admin, AdminChangeIn, AdminIn, admin_out
from functions.admin.service import operators
from functions.admin.store.operators import OPERATORS
from shared import clock
from shared.caller import Caller
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, Page, PathId, answer
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.password_rules import WeakPassword

router = APIRouter(prefix=BASE + "/admin", tags=["admin"])


@router.get("/admins")
async def admins(
    _caller: Annotated[Caller, staff("admin:read")],
    db: Read,
    query: Paging,
    role: Annotated[str | None, Query(max_length=50)] = None,
    department: Annotated[str | None, Query(max_length=100)] = None,
    is_active: bool | None = None,
) -> Answer[Page[Admin]]:
    """Staff accounts; one that has ended counts as inactive."""
    now = clock.now()
    state = {} if is_active is None else {"active_at" if is_active else "ended_at": now}
    filters = {"role": role, "department": department} | state
    return answer(OPERATORS.page(db, query, filters, _row))


@router.post(
    "/admins",
    status_code=201,
    responses=problems(UserNotFound, RoleNotFound, AlreadyStaff, RoleNotGrantable, PermissionUnknown, WeakPassword),
)
async def make_admin(
    body: AdminIn, caller: Annotated[Caller, staff("admin:write")], context: Context, db: Write
) -> Answer[Admin]:
    """Make a user staff."""
    return answer(admin_out(operators.appoint(db, caller, context, body)))


@router.put(
    "/admins/{admin_id:int}",
    responses=problems(AdminNotFound, RoleNotFound, RoleNotGrantable, PermissionUnknown, LastSuperAdmin),
)
async def change_admin(
    admin_id: PathId,
    body: AdminChangeIn,
    caller: Annotated[Caller, staff("admin:write")],
    context: Context,
    db: Write,
) -> Answer[Admin]:
    """Change role, extra permissions, department, state or ends."""
    return answer(admin_out(operators.change(db, caller, context, admin_id, body)))


@router.delete(
    "/admins/{admin_id:int}", responses=problems(AdminNotFound, LastSuperAdmin, CannotRemoveSelf, RoleNotGrantable)
)
async def remove_admin(
    admin_id: PathId, caller: Annotated[Caller, staff("admin:write")], context: Context, db: Write
) -> Answer[Deleted]:
    """Remove staff rights; the sessions end."""
    operators.remove(db, caller, context, admin_id)
    return answer(Deleted.model_construct(deleted=True))


def _row(row: dict[str, object]) -> Admin:
    return admin_out(Operator(**{name: row[name] for name in Operator.__slots__}))  # type: ignore[arg-type]  # one row


app = create_app("admin", router)
handler = lambda_handler(app)
