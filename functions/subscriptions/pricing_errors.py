"""What prices, coupons and promotions refuse."""

from shared.errors import Refusal


class TargetNotFound(Refusal):
    status, error = 404, "target_not_found"
    zh, en = "目标不存在或不在售", "There is no such thing on sale"


class CouponNotFound(Refusal):
    status, error = 404, "coupon_not_found"
    zh, en = "优惠券不存在", "There is no such coupon"


class OrderNotFound(Refusal):
    status, error = 404, "order_not_found"
    zh, en = "订单不存在", "There is no such order"


class PromotionNotFound(Refusal):
    status, error = 404, "promotion_not_found"
    zh, en = "促销活动不存在", "There is no such promotion"


class RuleNotFound(Refusal):
    status, error = 404, "rule_not_found"
    zh, en = "定价规则不存在", "There is no such pricing rule"


class NotCouponOwner(Refusal):
    status, error = 403, "not_coupon_owner"
    zh, en = "只有优惠券的创建者可以修改它", "Only the creator of a coupon may change it"


class NotRuleOwner(Refusal):
    status, error = 403, "not_rule_owner"
    zh, en = "只有定价规则的创建者可以修改它", "Only the creator of a pricing rule may change it"


class OrderNotPending(Refusal):
    status, error = 409, "order_not_pending"
    zh, en = "订单已不是待支付状态", "The order is no longer waiting for payment"


class CouponCodeExists(Refusal):
    status, error = 409, "coupon_code_exists"
    zh, en = "该优惠码已被使用，请换一个", "This coupon code is taken; choose another"


class CouponExpired(Refusal):
    status, error = 409, "coupon_expired"
    zh, en = "优惠券已过期或已停用", "The coupon has expired or was withdrawn"


class CouponExhausted(Refusal):
    status, error = 409, "coupon_exhausted"
    zh, en = "优惠券已被用完", "The coupon is used up"


class CouponLimitReached(Refusal):
    status, error = 409, "coupon_limit_reached"
    zh, en = "您使用该优惠券的次数已达上限", "You have used this coupon as often as one person may"


class PromotionEnded(Refusal):
    status, error = 409, "promotion_ended"
    zh, en = "促销活动已结束，不能再修改", "The promotion has ended and cannot be changed"


class PromotionStarted(Refusal):
    status, error = 409, "promotion_started"
    zh, en = "促销活动已开始，不能删除", "The promotion has started and cannot be deleted"


class PeriodInvalid(Refusal):
    status, error = 422, "period_invalid"
    zh, en = "结束时间须晚于开始时间，且不早于现在", "The end must come after the start and must not have passed"


class QuantityBelowUsed(Refusal):
    status, error = 422, "quantity_below_used"
    zh, en = "数量不能少于已使用的数量", "The quantity cannot be less than what is used already"


class RuleConfigInvalid(Refusal):
    status, error = 422, "rule_config_invalid"
    zh, en = "规则的配置不完整或不合法", "The rule's configuration is incomplete or contradicts itself"
