"""What subscriptions refuses."""

from shared.errors import Refusal


class PlanNotFound(Refusal):
    status, error = 404, "plan_not_found"
    zh, en = "订阅方案不存在", "There is no such plan"


class SubscriptionNotFound(Refusal):
    status, error = 404, "subscription_not_found"
    zh, en = "订阅不存在", "There is no such subscription"


class ContentNotFound(Refusal):
    status, error = 404, "content_not_found"
    zh, en = "内容不存在", "There is no such content"


class NotPlanOwner(Refusal):
    status, error = 403, "not_plan_owner"
    zh, en = "只有方案的创建者可以修改它", "Only the creator of a plan may change it"


class PlanNameExists(Refusal):
    status, error = 409, "plan_name_exists"
    zh, en = "您已有同名的订阅方案", "You already have a plan of this name"


class PlanArchived(Refusal):
    status, error = 409, "plan_archived"
    zh, en = "该订阅方案已下架", "This plan is no longer on sale"


class PlanFull(Refusal):
    status, error = 409, "plan_full"
    zh, en = "该订阅方案名额已满", "This plan has no place left"


class AlreadySubscribed(Refusal):
    status, error = 409, "already_subscribed"
    zh, en = "您已订阅该创作者，或有一笔订阅待支付", "You are subscribed to this creator, or have a subscription to pay"


class CannotSubscribeSelf(Refusal):
    status, error = 409, "cannot_subscribe_self"
    zh, en = "不能订阅自己", "You cannot subscribe to yourself"


class SubscriptionNotActive(Refusal):
    status, error = 409, "subscription_not_active"
    zh, en = "该订阅不在有效期内", "This subscription is not running"


class NotActive(Refusal):
    status, error = 409, "not_active"
    zh, en = "该订阅未在有效期内，或将随本期结束", "This subscription is not running, or ends with its period"


class NotPaused(Refusal):
    status, error = 409, "not_paused"
    zh, en = "该订阅未暂停", "This subscription is not paused"


class ResumeAtInvalid(Refusal):
    status, error = 422, "resume_at_invalid"
    zh, en = "恢复时间须晚于本期结束时间", "A pause can end only after the paid period has"


class AlreadyDisabled(Refusal):
    status, error = 409, "already_disabled"
    zh, en = "自动续费已关闭", "Automatic renewal is off already"


class SamePlan(Refusal):
    status, error = 409, "same_plan"
    zh, en = "您已在使用该订阅方案", "You are on this plan already"


class PlanOfOtherCreator(Refusal):
    status, error = 422, "plan_of_other_creator"
    zh, en = "只能更换为同一创作者的订阅方案", "A subscription can only move to a plan of the same creator"


class AmountInvalid(Refusal):
    status, error = 422, "amount_invalid"
    zh, en = "金额须为不小于 0 的整数（分）", "The amount must be a whole number of fen, zero or more"


class PriceChanged(Refusal):
    status, error = 409, "price_changed"
    zh, en = "价格已变动，请按当前价格重新确认", "The price has changed: confirm the present one"


class CouponNotApplicable(Refusal):
    status, error = 422, "coupon_not_applicable"
    zh, en = "该优惠券不适用于此次购买", "This coupon does not apply to this purchase"


class GiftNotFound(Refusal):
    status, error = 404, "gift_not_found"
    zh, en = "礼品或兑换码不存在，或已失效", "There is no such gift or code, or it is no longer valid"


class GiftRedeemed(Refusal):
    status, error = 409, "gift_redeemed"
    zh, en = "该兑换码已被使用", "This code has been redeemed already"


class NotForSale(Refusal):
    status, error = 409, "not_for_sale"
    zh, en = "该内容不出售", "This is not for sale"


class UnknownOrderError(Exception):
    """A fact about an order that nothing here was opened for: kept in the dead-letter queue for a person."""
