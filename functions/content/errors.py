"""The refusals of content."""

from shared.errors import Refusal


class ContentNotFound(Refusal):
    status, error = 404, "content_not_found"
    zh, en = "内容不存在", "There is no such content"


class CategoryNotFound(Refusal):
    status, error = 404, "category_not_found"
    zh, en = "分类不存在", "There is no such category"


class MediaNotFound(Refusal):
    status, error = 404, "media_not_found"
    zh, en = "文件不存在", "There is no such file"


class PlanNotFound(Refusal):
    status, error = 404, "plan_not_found"
    zh, en = "订阅方案不存在", "There is no such plan"


class VersionNotFound(Refusal):
    status, error = 404, "version_not_found"
    zh, en = "版本不存在", "There is no such version"


class TrialNotOffered(Refusal):
    status, error = 404, "trial_not_offered"
    zh, en = "该内容不提供试读", "This content has no trial part"


class NotContentEditor(Refusal):
    status, error = 403, "not_content_editor"
    zh, en = "无权编辑该内容", "You may not edit this content"


class NotContentOwner(Refusal):
    status, error = 403, "not_content_owner"
    zh, en = "仅作者可执行此操作", "Only its author may do this"


class ContentRemoved(Refusal):
    status, error = 410, "content_removed"
    zh, en = "内容已下架", "This content has been removed"


class VersionConflict(Refusal):
    status, error = 409, "version_conflict"
    zh, en = "内容已被修改，请刷新后重试", "The content has changed since you loaded it"


class InvalidState(Refusal):
    status, error = 409, "invalid_state"
    zh, en = "当前状态不允许此操作", "The current state does not allow this"


class MediaNotReady(Refusal):
    status, error = 409, "media_not_ready"
    zh, en = "文件尚未通过检查", "The file has not passed its checks"


class PriceRequired(Refusal):
    status, error = 422, "price_required"
    zh, en = "付费内容需要设置价格", "Paid content needs a price"


class ContentIncomplete(Refusal):
    status, error = 422, "content_incomplete"
    zh, en = "内容不完整，无法发布", "The content is not complete enough to publish"


class PublishAtInPast(Refusal):
    status, error = 422, "publish_at_in_past"
    zh, en = "发布时间必须在将来", "The time of publication must lie in the future"


class BodyTooLarge(Refusal):
    status, error = 413, "body_too_large"
    zh, en = "正文过大", "The text is too large"
