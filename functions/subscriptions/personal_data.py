"""What subscriptions holds of a person. What was bought and sold is a contract, kept as such; its free words go."""

from functions.subscriptions.pricing_personal_data import ROWS as PRICING
from functions.subscriptions.renewal_personal_data import ROWS as RENEWALS
from shared.personal_data import Items, Kept, PersonalData, Rows

_CONTRACT = Kept("《电子商务法》第三十一条：交易信息自交易完成之日起保存不少于三年", "3 年")

DATA = PersonalData(
    domain="subscriptions",
    rows=(
        Rows(
            "subscriptions.user_subscriptions",
            person=("user_id", "creator_id"),
            what=("我的订阅", "Your subscriptions"),
            export="""
            SELECT subscription_id, creator_id, plan_id, tier, amount, status, auto_renew, cancel_at_period_end, channel, renew_means,
                   order_no, current_period_start, current_period_end, pause_at_period_end, resume_at, next_plan_id, cancelled_at, cancel_reason, created_at, updated_at
            FROM subscriptions.user_subscriptions WHERE user_id = %(uid)s ORDER BY subscription_id
            """,
            # They run out; nothing is renewed for nobody.
            erase=(
                """
                UPDATE subscriptions.user_subscriptions SET auto_renew = false, cancel_reason = NULL,
                    pause_at_period_end = false, resume_at = NULL,
                    cancel_at_period_end = cancel_at_period_end OR status IN ('trialing', 'active', 'past_due'),
                    updated_at = %(at)s
                WHERE user_id = %(uid)s
                """,
                "UPDATE subscriptions.user_subscriptions SET auto_renew = false WHERE creator_id = %(uid)s AND auto_renew",
            ),
            kept=_CONTRACT,
        ),
        Rows(
            "subscriptions.payment_agreements",
            person=("user_id",),
            what=("我的代扣协议", "Agreements by which you are debited"),
            export="""
            SELECT agreement_id, channel, external_no, status, single_amount, period_months, debit_day, signed_at, ended_at,
                   end_reason, created_at
            FROM subscriptions.payment_agreements WHERE user_id = %(uid)s ORDER BY agreement_id
            """,
            # It ends at once for us; the vendor is told with the next look.
            erase=(
                """
                UPDATE subscriptions.payment_agreements SET status = 'terminated', ended_at = %(at)s, end_reason = 'user',
                    unsign_owed = true, next_look_at = %(at)s, looks = 0, updated_at = %(at)s
                WHERE user_id = %(uid)s AND status <> 'terminated'
                """,
            ),
            kept=_CONTRACT,
        ),
        Rows(
            "subscriptions.agreement_notices",
            person=(),
            what=(
                "支付机构关于代扣协议的通知原文（加密）",
                "Notices of vendors about agreements, as received and encrypted",
            ),
            not_exported="what vendors told us, in their words; what it says of an agreement is in payment_agreements",
            kept=_CONTRACT,
        ),
        Rows(
            "subscriptions.subscription_periods",
            person=(),
            what=("订阅的各个周期", "What your subscriptions were given"),
            export="""
            SELECT p.period_id, p.subscription_id, p.order_no, p.kind, p.plan_id, p.amount, p.months, p.days, p.status,
                   p.granted_at, p.created_at
            FROM subscriptions.subscription_periods p JOIN subscriptions.user_subscriptions s USING (subscription_id)
            WHERE s.user_id = %(uid)s ORDER BY p.period_id
            """,
            kept=_CONTRACT,
        ),
        Rows(
            "subscriptions.content_purchases",
            person=("user_id", "creator_id"),
            what=("我购买的作品", "Works you bought"),
            export="""
            SELECT purchase_id, content_id, creator_id, order_no, status, created_at FROM subscriptions.content_purchases
            WHERE user_id = %(uid)s ORDER BY purchase_id
            """,
            kept=_CONTRACT,
        ),
        Rows(
            "subscriptions.user_memberships",
            person=("user_id",),
            what=("我的会员", "Your memberships"),
            export="""
            SELECT id, plan_id, level, duration_days, permissions, order_no, status, granted_at, starts_at, ends_at, created_at
            FROM subscriptions.user_memberships WHERE user_id = %(uid)s ORDER BY id
            """,
            kept=_CONTRACT,
        ),
        Rows(
            "subscriptions.membership_standings",
            person=("user_id",),
            what=("我的会员等级", "Your membership level"),
            export="SELECT level, expires_at FROM subscriptions.membership_standings WHERE user_id = %(uid)s",
            kept=_CONTRACT,
        ),
        Rows(
            "subscriptions.gifts",
            person=("buyer_id", "recipient_id", "creator_id"),
            what=("我送出和收到的订阅礼品", "Gifts you gave or received"),
            # Who gave it is not told to who received it, nor the other way round; the code is its buyer's to look up.
            export="""
            SELECT gift_id, CASE WHEN buyer_id = %(uid)s THEN 'given' ELSE 'received' END AS direction, creator_id, plan_id,
                   periods, CASE WHEN buyer_id = %(uid)s THEN amount END AS amount, message,
                   CASE WHEN buyer_id = %(uid)s THEN order_no END AS order_no, status, paid_at, redeemed_at, created_at
            FROM subscriptions.gifts WHERE %(uid)s IN (buyer_id, recipient_id) ORDER BY gift_id
            """,
            erase=(
                "UPDATE subscriptions.gifts SET message = NULL, updated_at = %(at)s WHERE %(uid)s IN (buyer_id, recipient_id)",
            ),
            kept=_CONTRACT,
        ),
        Rows(
            "subscriptions.account_merges",
            person=("from_uid", "into_uid"),
            what=("合并的账号", "Accounts that were merged"),
            export="""
            SELECT merge_id, from_uid, into_uid, heard_at, parted_at FROM subscriptions.account_merges
            WHERE %(uid)s IN (from_uid, into_uid) ORDER BY merge_id
            """,
            kept=_CONTRACT,
        ),
        Rows(
            "subscriptions.merged_rights",
            person=(),
            what=("随账号合并转移的权利", "Rights that changed hands when accounts were merged"),
            export="""
            SELECT r.merge_id, r.kind, r.id, r.at FROM subscriptions.merged_rights r
            JOIN subscriptions.account_merges m USING (merge_id)
            WHERE %(uid)s IN (m.from_uid, m.into_uid) ORDER BY r.merge_id, r.kind, r.id
            """,
            kept=_CONTRACT,
        ),
        Rows(
            "subscriptions.subscription_plans",
            person=("creator_id",),
            what=("我的订阅方案", "Your plans"),
            export="""
            SELECT plan_id, name, description, tier, amount, currency, interval, trial_days, benefits, permissions,
                   content_scope, content_ids, max_subscribers, subscriber_count, status, created_at, updated_at
            FROM subscriptions.subscription_plans WHERE creator_id = %(uid)s ORDER BY plan_id
            """,
            erase=(
                """
                UPDATE subscriptions.subscription_plans SET name = 'plan ' || plan_id, description = NULL, benefits = '[]',
                    status = 'archived', updated_at = %(at)s
                WHERE creator_id = %(uid)s
                """,
            ),
            kept=_CONTRACT,
        ),
        *PRICING,
        *RENEWALS,
    ),
    items=(
        Items(
            "entitlements",
            "U#",
            what=("我的阅读权利", "What you may read"),
            key="U#{uid}",
            file="entitlements.json",
            kept=Kept("由上述合同推得，只含编号；每日由合同重建", "随合同终止"),
        ),
    ),
)
