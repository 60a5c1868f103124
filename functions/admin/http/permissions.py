"""The permission catalogue, and what each role holds."""

from typing import Annotated

from fastapi import APIRouter

from functions.admin.errors import (
    PermissionUnknown,
    RoleExists,
    RoleInUse,
    RoleNotFound,
    RoleNotGrantable,
    RoleProtected,
)
from functions.admin.models import Role
from functions.admin.schemas.permissions import Deleted, MatrixOut, PermissionsIn, RoleIn, RoleOut, RolePermissions
from functions.admin.service import roles
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, answer
from shared.http.problems import problems
from shared.http.sql import Read, Write

router = APIRouter(prefix=BASE + "/admin", tags=["admin"])


@router.get("/permissions")
async def permissions(_caller: Annotated[Caller, staff("role:read")], context: Context, db: Read) -> Answer[MatrixOut]:
    """The permission catalogue and the role matrix."""
    return answer(roles.matrix(db, context.locale))


@router.put("/permissions/{role}", responses=problems(RoleNotFound, PermissionUnknown, RoleProtected, RoleNotGrantable))
async def set_permissions(
    role: str, body: PermissionsIn, caller: Annotated[Caller, staff("role:write")], context: Context, db: Write
) -> Answer[RolePermissions]:
    """Set the permissions of a role; super_admin is fixed."""
    changed = roles.set_permissions(db, caller, context, role, body.permissions)
    return answer(RolePermissions.model_construct(role=changed.role, permissions=changed.permissions))


@router.post("/roles", status_code=201, responses=problems(RoleExists, PermissionUnknown, RoleNotGrantable))
async def create_role(
    body: RoleIn, caller: Annotated[Caller, staff("role:write")], context: Context, db: Write
) -> Answer[RoleOut]:
    """Create a role."""
    return answer(_out(roles.create(db, caller, context, body)))


@router.delete("/roles/{role}", responses=problems(RoleNotFound, RoleProtected, RoleInUse))
async def delete_role(
    role: str, caller: Annotated[Caller, staff("role:write")], context: Context, db: Write
) -> Answer[Deleted]:
    """Delete an unused custom role."""
    roles.delete(db, caller, context, role)
    return answer(Deleted.model_construct(deleted=True))


def _out(role: Role) -> RoleOut:
    return RoleOut.model_construct(role=role.role, permissions=role.permissions, builtin=role.builtin)
