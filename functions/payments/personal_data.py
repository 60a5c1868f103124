"""What payments holds of a person: records of trade, kept under the law as they are."""

from shared.personal_data import Items, Kept, PersonalData, Rows

_TRADE = Kept("《电子商务法》第三十一条：交易信息自交易完成之日起保存不少于三年", "3 年")
_VOUCHERS = Kept("《会计档案管理办法》附表一：会计凭证保管三十年", "30 年")
_INVESTIGATED = Kept("《非银行支付机构监督管理条例》、《反洗钱法》第三十四条：交易记录自交易结束后至少保存十年", "10 年")

DATA = PersonalData(
    domain="payments",
    rows=(
        Rows(
            "payments.payment_orders",
            person=("user_id", "seller_id"),
            what=("我的订单", "Your orders"),
            export="""
            SELECT order_no, kind, target_id, seller_id, title, amount, discount_amount, payable_amount, currency, price_lines,
                   status, channel, refunded_amount, paid_at, expires_at, created_at, updated_at
            FROM payments.payment_orders WHERE user_id = %(uid)s ORDER BY created_at, order_no
            """,
            kept=_VOUCHERS,
        ),
        Rows(
            "commerce.payables",
            person=("user_id",),
            what=("应付款", "What you owed"),
            export="""
            SELECT payable_id, kind, target_id, amount, currency, order_no, status, created_at FROM commerce.payables
            WHERE user_id = %(uid)s ORDER BY payable_id
            """,
            kept=_TRADE,
        ),
        Rows(
            "payments.payment_transactions",
            person=(),
            what=("我的付款", "Your payments"),
            export="""
            SELECT t.payment_no, t.order_no, t.channel, t.kind, t.amount, t.currency, t.status, t.gateway_no, t.client_ip,
                   t.finished_at, t.created_at
            FROM payments.payment_transactions t JOIN payments.payment_orders o USING (order_no)
            WHERE o.user_id = %(uid)s ORDER BY t.created_at, t.payment_no
            """,
            kept=_VOUCHERS,
        ),
        Rows(
            "payments.payment_debits",
            person=(),
            what=("自动续费的扣款", "Debits for renewals"),
            export="""
            SELECT d.order_no, d.try_no, d.means, d.payment_no, d.status, d.reason, d.requested_at, d.finished_at
            FROM payments.payment_debits d JOIN payments.payment_orders o USING (order_no)
            WHERE o.user_id = %(uid)s ORDER BY d.requested_at, d.order_no, d.try_no
            """,
            kept=_VOUCHERS,
        ),
        Rows(
            "payments.payment_refunds",
            person=("user_id",),
            deciders=("processed_by",),
            what=("我的退款", "Your refunds"),
            export="""
            SELECT refund_id, refund_no, order_no, amount, currency, reason, status, comment, finished_at, created_at
            FROM payments.payment_refunds WHERE user_id = %(uid)s ORDER BY refund_id
            """,
            kept=_VOUCHERS,
        ),
        Rows(
            "payments.payment_notices",
            person=(),
            what=("支付机构的通知原文（加密）", "Notices of gateways, as received and encrypted"),
            not_exported="what gateways told us, in their words; what it says of a payment is in payment_transactions",
            kept=_INVESTIGATED,
        ),
        Rows(
            "payments.payment_cases",
            person=(),
            deciders=("assigned_to", "proposed_by", "resolved_by"),
            what=("待核查的款项", "Money that did not match"),
            not_exported="the house's own investigation of sums, named by payment and order",
            kept=_INVESTIGATED,
        ),
        Rows(
            "payments.payment_case_comments",
            person=(),
            deciders=("author_id",),
            what=("款项核查记录", "What operators found out about money that did not match"),
            not_exported="the house's own investigation of sums, named by payment and order",
            kept=_INVESTIGATED,
        ),
        Rows(
            "payments.payment_risk_events",
            person=("user_id",),
            deciders=("reviewed_by",),
            what=("风险事件", "Payments that risk control looked at"),
            not_exported="how risk control judges; to whom it is known it is of no use (GB/T 35273 8.7 e)",
            kept=_INVESTIGATED,
        ),
        Rows(
            "payments.reconciliation_runs",
            person=(),
            what=("对账批次", "Days that were reconciled"),
            not_exported="sums of a channel's day, of nobody",
            kept=_VOUCHERS,
        ),
        Rows(
            "payments.reconciliation_bill_rows",
            person=(),
            what=("支付渠道账单", "Bills of payment channels"),
            not_exported="what channels told us; what it says of a payment is in payment_transactions",
            kept=_VOUCHERS,
        ),
        Rows(
            "payments.reconciliation_items",
            person=(),
            deciders=("proposed_by", "resolved_by"),
            what=("对账差异", "Where a bill and the books did not agree"),
            not_exported="the house's own investigation of sums, named by payment and order",
            kept=_INVESTIGATED,
        ),
    ),
    items=(
        Items(
            "ops",
            "CA#payment_stats:",
            what=("支付统计缓存", "Counts of payments, kept for ten minutes"),
            kept=Kept("只有总数，不含个人信息", "十分钟后失效"),
            not_exported="counts of all payments",
        ),
    ),
)
