"""What renewals hold of a person: how a contract went on, and what they were told and agreed to."""

from shared.personal_data import Kept, Rows

_CONTRACT = Kept("《电子商务法》第三十一条：交易信息自交易完成之日起保存不少于三年", "3 年")

ROWS = (
    Rows(
        "subscriptions.renewals",
        person=(),
        what=("订阅的续费", "Renewals of your subscriptions"),
        export="""
        SELECT r.renewal_id, r.subscription_id, r.due_at, r.status, r.order_no, r.created_at, r.ended_at
        FROM subscriptions.renewals r JOIN subscriptions.user_subscriptions s USING (subscription_id)
        WHERE s.user_id = %(uid)s ORDER BY r.renewal_id
        """,
        kept=_CONTRACT,
    ),
    Rows(
        "subscriptions.renewal_notices",
        person=(),
        what=("续费通知", "What you were told about renewals"),
        export="""
        SELECT n.notice_id, r.subscription_id, n.kind, n.plan_id, n.amount, n.recorded_at, n.sent_at
        FROM subscriptions.renewal_notices n JOIN subscriptions.renewals r USING (renewal_id)
        JOIN subscriptions.user_subscriptions s USING (subscription_id)
        WHERE s.user_id = %(uid)s ORDER BY n.notice_id
        """,
        kept=_CONTRACT,
    ),
    Rows(
        "subscriptions.renewal_debits",
        person=(),
        what=("续费扣款", "Debits for renewals"),
        export="""
        SELECT r.subscription_id, r.order_no, d.try_no, d.means, d.asked_at, d.failed_at, d.reason
        FROM subscriptions.renewal_debits d JOIN subscriptions.renewals r USING (renewal_id)
        JOIN subscriptions.user_subscriptions s USING (subscription_id)
        WHERE s.user_id = %(uid)s ORDER BY d.renewal_id, d.try_no
        """,
        kept=_CONTRACT,
    ),
    Rows(
        "subscriptions.renewal_prenotices",
        person=(),
        what=("扣款前的预告", "Debits announced to your payment provider"),
        export="""
        SELECT r.subscription_id, p.amount, p.wanted_at, p.told_at, p.refused FROM subscriptions.renewal_prenotices p
        JOIN subscriptions.renewals r USING (renewal_id) JOIN subscriptions.user_subscriptions s USING (subscription_id)
        WHERE s.user_id = %(uid)s ORDER BY p.prenotice_id
        """,
        kept=_CONTRACT,
    ),
    Rows(
        "subscriptions.renewal_consents",
        person=(),
        what=("同意的续费价格", "Prices you agreed to renew at"),
        export="""
        SELECT c.subscription_id, c.plan_id, c.amount, c.given_at FROM subscriptions.renewal_consents c
        JOIN subscriptions.user_subscriptions s USING (subscription_id)
        WHERE s.user_id = %(uid)s ORDER BY c.subscription_id, c.plan_id
        """,
        kept=_CONTRACT,
    ),
)
