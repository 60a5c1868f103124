"""What administration refuses."""

from shared.errors import Refusal


class SettingUnknown(Refusal):
    """With the key."""

    status, error = 422, "setting_unknown"
    zh, en = "没有此设置项", "There is no such setting"


class SettingInvalid(Refusal):
    """With the key, and why in the caller's language."""

    status, error = 422, "setting_invalid"
    zh, en = "设置值无效", "The value does not fit this setting"


class PermissionUnknown(Refusal):
    """With the permission."""

    status, error = 422, "permission_unknown"
    zh, en = "没有此权限点", "There is no such permission"


class RoleNotFound(Refusal):
    status, error = 404, "role_not_found"
    zh, en = "角色不存在", "There is no such role"


class RoleExists(Refusal):
    status, error = 409, "role_exists"
    zh, en = "角色已存在", "There is a role of this name already"


class RoleProtected(Refusal):
    status, error = 409, "role_protected"
    zh, en = "该角色受保护，不能修改或删除", "This role is protected and cannot be changed or deleted"


class RoleInUse(Refusal):
    """With how many operators hold it."""

    status, error = 409, "role_in_use"
    zh, en = "仍有管理员使用该角色", "Operators still hold this role"


class UserNotFound(Refusal):
    status, error = 404, "user_not_found"
    zh, en = "用户不存在", "There is no such user"


class AlreadyStaff(Refusal):
    status, error = 409, "already_staff"
    zh, en = "该用户已是管理员", "This user is an operator already"


class AdminNotFound(Refusal):
    status, error = 404, "admin_not_found"
    zh, en = "管理员不存在", "There is no such operator"


class RoleNotGrantable(Refusal):
    """With the role or the permissions the caller lacks."""

    status, error = 403, "role_not_grantable"
    zh, en = "不能授予自己没有的角色或权限", "You cannot grant a role or permission that you do not hold"


class LastSuperAdmin(Refusal):
    status, error = 409, "last_super_admin"
    zh, en = "必须保留至少一名长期有效的超级管理员", "At least one super admin without an expiry must remain"


class CannotRemoveSelf(Refusal):
    status, error = 403, "cannot_remove_self"
    zh, en = "不能移除自己的管理员身份", "You cannot remove your own staff rights"
