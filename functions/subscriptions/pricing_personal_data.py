"""What prices, coupons and promotions hold of a person: what creators set, and what buyers used."""

from shared.personal_data import Kept, Rows

_CONTRACT = Kept("《电子商务法》第三十一条：交易信息自交易完成之日起保存不少于三年", "3 年")

ROWS = (
    Rows(
        "subscriptions.pricing_rules",
        person=("owner_id",),
        what=("我的定价规则", "Your pricing rules"),
        export="""
        SELECT rule_id, target_type, target_id, kind, config, priority, starts_at, ends_at, is_active, created_at
        FROM subscriptions.pricing_rules WHERE owner_id = %(uid)s ORDER BY rule_id
        """,
        erase=("DELETE FROM subscriptions.pricing_rules WHERE owner_id = %(uid)s",),
    ),
    Rows(
        "subscriptions.coupons",
        person=("owner_id",),
        what=("我的优惠券", "Your coupons"),
        export="""
        SELECT coupon_id, code, name, kind, value, min_amount, max_discount, target_type, target_ids, total_quantity, used,
               per_user_limit, starts_at, ends_at, status, created_at
        FROM subscriptions.coupons WHERE owner_id = %(uid)s ORDER BY coupon_id
        """,
        erase=(
            """
            UPDATE subscriptions.coupons SET status = 'disabled', name = 'coupon ' || coupon_id, updated_at = %(at)s
            WHERE owner_id = %(uid)s
            """,
        ),
        kept=_CONTRACT,
    ),
    # The marks are hashes that say who may use a coupon once more; with the account they lose what they are for.
    Rows(
        "subscriptions.coupon_redemptions",
        person=("user_id",),
        what=("我使用的优惠券", "Coupons you used"),
        export="""
        SELECT redemption_id, coupon_id, order_no, discount, status, at FROM subscriptions.coupon_redemptions
        WHERE user_id = %(uid)s ORDER BY redemption_id
        """,
        erase=("UPDATE subscriptions.coupon_redemptions SET persons = '{}' WHERE user_id = %(uid)s",),
        kept=_CONTRACT,
    ),
    Rows(
        "subscriptions.promotion_redemptions",
        person=("user_id",),
        what=("我参加的促销", "Promotions you took part in"),
        export="""
        SELECT promotion_id, order_no, discount, status, at FROM subscriptions.promotion_redemptions
        WHERE user_id = %(uid)s ORDER BY promotion_id, order_no
        """,
        erase=("UPDATE subscriptions.promotion_redemptions SET persons = '{}' WHERE user_id = %(uid)s",),
        kept=_CONTRACT,
    ),
)
