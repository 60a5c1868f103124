"""How the user desk says no."""

from shared.errors import Refusal


class RoleNotGrantable(Refusal):
    """With the role the caller may not hand out."""

    status, error = 403, "role_not_grantable"
    zh, en = "不能授予自己没有的角色或权限", "You cannot grant a role or permission that you do not hold"


class LastSuperAdmin(Refusal):
    status, error = 409, "last_super_admin"
    zh, en = "必须保留至少一名长期有效的超级管理员", "At least one super admin without an expiry must remain"


class BatchTooLarge(Refusal):
    status, error = 422, "batch_too_large"
    zh, en = "单次最多处理 100 条", "At most 100 items at once"


class NothingSelected(Refusal):
    status, error = 422, "nothing_selected"
    zh, en = "没有选中任何用户", "No user was selected"
