"""What reconciliation refuses."""

from shared.errors import Refusal


class DateInFuture(Refusal):
    status, error = 422, "date_in_future"
    zh, en = "该日期尚未到来", "That day is yet to come"


class ReconciliationRunning(Refusal):
    status, error = 409, "reconciliation_running"
    zh, en = "该渠道当日的对账正在进行", "This channel's day is being reconciled"


class ReconciliationNotFound(Refusal):
    status, error = 404, "reconciliation_not_found"
    zh, en = "对账记录不存在", "There is no such reconciliation"


class ReconciliationItemNotFound(Refusal):
    status, error = 404, "reconciliation_item_not_found"
    zh, en = "对账差异不存在", "There is no such difference"


class AlreadyResolved(Refusal):
    status, error = 409, "already_resolved"
    zh, en = "已处理完毕，无法再次处理", "This was resolved before"


class SelfApprovalForbidden(Refusal):
    status, error = 403, "self_approval_forbidden"
    zh, en = "不能审批自己的申请", "Nobody decides on their own request"


class MediaNotFound(Refusal):
    status, error = 404, "media_not_found"
    zh, en = "文件不存在", "There is no such file"
