"""What payments refuses."""

from shared.errors import Refusal


class OrderNotFound(Refusal):
    status, error = 404, "order_not_found"
    zh, en = "订单不存在", "There is no such order"


class TargetNotFound(Refusal):
    status, error = 404, "target_not_found"
    zh, en = "目标不存在或不在售", "There is no such thing on sale"


class RefundNotFound(Refusal):
    status, error = 404, "refund_not_found"
    zh, en = "退款申请不存在", "There is no such refund request"


class RiskEventNotFound(Refusal):
    status, error = 404, "risk_event_not_found"
    zh, en = "风险事件不存在", "There is no such risk event"


class CaseNotFound(Refusal):
    status, error = 404, "payment_case_not_found"
    zh, en = "待核查款项不存在", "There is no such case"


class SignatureInvalid(Refusal):
    status, error = 401, "signature_invalid"
    zh, en = "签名验证失败", "The signature is not valid"


class RiskRejected(Refusal):
    status, error = 403, "risk_rejected"
    zh, en = "支付存在风险，已被拦截", "This payment was stopped by risk control"


class RiskChallengeRequired(Refusal):
    status, error = 403, "risk_challenge_required"
    zh, en = "请先通过验证码验证身份，再重新支付", "Prove by a one-time code that it is you, then pay again"


class OrderNotPending(Refusal):
    status, error = 409, "order_not_pending"
    zh, en = "订单已不是待支付状态", "The order is no longer waiting for payment"


class OrderNotPayable(Refusal):
    status, error = 409, "order_not_payable"
    zh, en = "订单当前不能支付", "The order cannot be paid now"


class AmountMismatch(Refusal):
    status, error = 409, "amount_mismatch"
    zh, en = "支付金额与订单不符", "The amount paid is not the amount owed"


class PaymentNotStarted(Refusal):
    status, error = 409, "payment_not_started"
    zh, en = "订单尚未发起支付", "No payment of this order was started"


class OrderNotPaid(Refusal):
    status, error = 409, "order_not_paid"
    zh, en = "订单未支付", "The order is not paid"


class RefundExceedsPaid(Refusal):
    status, error = 409, "refund_exceeds_paid"
    zh, en = "退款金额超过可退金额", "The amount is more than what is left of the payment"


class RefundWindowClosed(Refusal):
    status, error = 409, "refund_window_closed"
    zh, en = "已超过退款期限", "The time for a refund is over"


class RefundPending(Refusal):
    status, error = 409, "refund_pending"
    zh, en = "该订单已有处理中的退款", "A refund of this order is already under way"


class RefundNotPending(Refusal):
    status, error = 409, "refund_not_pending"
    zh, en = "退款申请已被处理", "The refund request was already dealt with"


class BalanceInsufficient(Refusal):
    status, error = 409, "balance_insufficient"
    zh, en = "余额不足", "The balance does not cover this"


class AlreadyReviewed(Refusal):
    status, error = 409, "already_reviewed"
    zh, en = "已审核，请勿重复处理", "This has already been reviewed"


class AlreadyOwned(Refusal):
    status, error = 409, "already_owned"
    zh, en = "您已购买过该内容", "You already own this"


class NotForSale(Refusal):
    status, error = 409, "not_for_sale"
    zh, en = "该内容不出售", "This is not for sale"


class CouponNotApplicable(Refusal):
    status, error = 422, "coupon_not_applicable"
    zh, en = "该优惠券不适用于此次购买", "This coupon does not apply to this purchase"


class RuleConfigInvalid(Refusal):
    status, error = 422, "rule_config_invalid"
    zh, en = "规则的配置不完整或不合法", "The rule's configuration is incomplete or contradicts itself"


class GatewayFailed(Refusal):
    status, error = 502, "gateway_error"
    zh, en = "支付渠道暂时不可用，请稍后再试", "The payment provider did not answer as expected, please try again later"
