"""Permissions and roles, as sent and as shown."""

from typing import Annotated

from pydantic import Field

from functions.admin.models import ROLE_NAME
from shared.http.envelope import In, Out

Permissions = Annotated[list[Annotated[str, Field(min_length=1, max_length=60)]], Field(max_length=200)]


class PermissionsIn(In):
    permissions: Permissions


class RoleIn(In):
    role: Annotated[str, Field(pattern=ROLE_NAME)]
    description: Annotated[str, Field(max_length=500)] | None = None
    permissions: Permissions


class PermissionOut(Out):
    permission: str
    category: str
    description: str


class RoleOut(Out):
    role: str
    permissions: list[str]
    builtin: bool


class RoleOfMatrix(RoleOut):
    """With how many operators hold it now."""

    admins: int


class MatrixOut(Out):
    permissions: list[PermissionOut]
    roles: list[RoleOfMatrix]


class RolePermissions(Out):
    role: str
    permissions: list[str]


class Deleted(Out):
    deleted: bool
