"""What finance refuses."""

from shared.errors import Refusal


class WithdrawalNotFound(Refusal):
    status, error = 404, "withdrawal_not_found"
    zh, en = "提现申请不存在", "There is no such withdrawal"


class InsufficientBalance(Refusal):
    status, error = 409, "insufficient_balance"
    zh, en = "可提现余额不足", "The balance that can be withdrawn is too small"


class BelowMinimum(Refusal):
    status, error = 422, "below_minimum"
    zh, en = "低于最低提现金额", "The amount is below the minimum for a withdrawal"


class AboveMaximum(Refusal):
    status, error = 422, "above_maximum"
    zh, en = "超过单笔提现上限", "The amount is above the maximum for one withdrawal"


class IdentityNotVerified(Refusal):
    status, error = 409, "identity_not_verified"
    zh, en = "请先完成实名认证", "Please complete real-name verification first"


class WithdrawalInProgress(Refusal):
    status, error = 409, "withdrawal_in_progress"
    zh, en = "有提现正在处理", "A withdrawal is still in progress"


class DailyLimitExceeded(Refusal):
    status, error = 403, "daily_limit_exceeded"
    zh, en = "超过当日提现限额", "This would exceed the daily limit for withdrawals"


class InvalidState(Refusal):
    status, error = 409, "invalid_state"
    zh, en = "当前状态不允许此操作", "The current state does not allow this"


class SelfApprovalForbidden(Refusal):
    status, error = 403, "self_approval_forbidden"
    zh, en = "不能审批自己的申请", "Nobody decides on their own request"


class GatewayFailed(Refusal):
    status, error = 502, "gateway_error"
    zh, en = "支付渠道暂时不可用，请稍后再试", "The payment provider did not answer as expected, please try again later"


class PeriodSettled(Refusal):
    status, error = 409, "period_settled"
    zh, en = "该账期已结算", "This period is settled already"


class RangeInvalid(Refusal):
    status, error = 422, "range_invalid"
    zh, en = "日期范围无效", "The range of dates is not valid"


class MonthInvalid(Refusal):
    status, error = 422, "month_invalid"
    zh, en = "月份无效", "The month is not valid"


class CreatorNotFound(Refusal):
    status, error = 404, "creator_not_found"
    zh, en = "创作者不存在", "There is no such creator"


class EffectiveFromInPast(Refusal):
    status, error = 422, "effective_from_in_past"
    zh, en = "生效日期不能早于今天", "The first day must not be before today"
