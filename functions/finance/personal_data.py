"""What finance holds of a person: books and vouchers, kept under the law as they are."""

from typing import Any

from functions.finance.invoice import encryption_context
from shared import crypto
from shared.personal_data import Kept, PersonalData, Rows

_BOOKS = Kept("《会计档案管理办法》附表一：会计凭证、会计账簿保管三十年", "30 年")
_PAYOUTS = Kept("《反洗钱法》第三十四条：客户身份资料和交易记录至少保存十年；会计凭证保管三十年", "30 年")


def _invoice(row: dict[str, Any]) -> dict[str, Any]:
    """Tax number and address in clear: they are the person's own."""
    context = encryption_context(row.pop("serial"))
    return row | {name: row[name] and crypto.decrypt(row[name], context) for name in ("tax_no", "email")}


DATA = PersonalData(
    domain="finance",
    rows=(
        Rows(
            "finance.creator_earnings",
            person=("creator_id",),
            what=("我的收入明细", "Your earnings"),
            export="""
            SELECT earning_id, order_no, source, target_id, channel, gross, channel_fee, platform_amount, creator_amount, rate_bp,
                   reversed_creator, status, paid_at, available_at, settlement_id, created_at
            FROM finance.creator_earnings WHERE creator_id = %(uid)s ORDER BY earning_id
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.earning_reversals",
            person=("creator_id",),
            what=("因退款扣回的收入", "Earnings taken back by refunds"),
            export="""
            SELECT refund_id, order_no, amount, creator_amount, settlement_id, refunded_at FROM finance.earning_reversals
            WHERE creator_id = %(uid)s ORDER BY refund_id
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.settlements",
            person=("creator_id",),
            what=("我的结算单", "Your settlements"),
            export="""
            SELECT settlement_id, period_start, period_end, gross, refund, channel_fee, platform_amount, creator_amount, status,
                   settled_at FROM finance.settlements WHERE creator_id = %(uid)s ORDER BY settlement_id
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.creator_share_rates",
            person=("creator_id",),
            deciders=("set_by",),
            what=("我的分成比例", "Your share"),
            export="""
            SELECT kind, rate_bp, effective_from FROM finance.creator_share_rates WHERE creator_id = %(uid)s
            ORDER BY effective_from, kind
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.settlement_terms",
            person=("creator_id",),
            deciders=("set_by",),
            what=("我的结算条件", "How long your earnings are held"),
            export="SELECT hold_days, set_at FROM finance.settlement_terms WHERE creator_id = %(uid)s",
            kept=_BOOKS,
        ),
        Rows(
            "finance.pool_rules",
            person=(),
            deciders=("set_by",),
            what=("会员收入的分配规则", "Rules by which membership income is shared"),
            not_exported="rules of the platform; what they gave a creator is among the earnings",
            kept=_BOOKS,
        ),
        Rows(
            "finance.pool_weights",
            person=("creator_id",),
            what=("我在会员收入中的权重", "Your weight in shared membership income"),
            export="""
            SELECT effective_from, weight FROM finance.pool_weights WHERE creator_id = %(uid)s ORDER BY effective_from
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.withdrawal_requests",
            person=("creator_id",),
            deciders=("approved_by",),
            what=("我的提现", "Your withdrawals"),
            export="""
            SELECT withdrawal_id, request_no, amount, fee, method, account_masked, status, payout_no, comment, paid_at, created_at
            FROM finance.withdrawal_requests WHERE creator_id = %(uid)s ORDER BY withdrawal_id
            """,
            kept=_PAYOUTS,
        ),
        Rows(
            "finance.withdrawal_steps",
            person=(),
            deciders=("actor",),
            what=("提现的处理过程", "What happened to your withdrawals"),
            export="""
            SELECT s.withdrawal_id, s.status, s.at, s.comment
            FROM finance.withdrawal_steps s JOIN finance.withdrawal_requests w USING (withdrawal_id)
            WHERE w.creator_id = %(uid)s ORDER BY s.step_id
            """,
            kept=_PAYOUTS,
        ),
        Rows(
            "finance.withdrawal_approvals",
            person=(),
            deciders=("approver",),
            what=("提现的审批", "Approvals of your withdrawals"),
            export="""
            SELECT a.withdrawal_id, a.at FROM finance.withdrawal_approvals a
            JOIN finance.withdrawal_requests w USING (withdrawal_id) WHERE w.creator_id = %(uid)s ORDER BY a.withdrawal_id, a.at
            """,
            kept=_PAYOUTS,
        ),
        Rows(
            "finance.withdrawal_transfers",
            person=(),
            what=("提现的转账", "Transfers of your withdrawals"),
            export="""
            SELECT t.transfer_no, t.withdrawal_id, t.amount, t.status, t.gateway_no, t.created_at
            FROM finance.withdrawal_transfers t JOIN finance.withdrawal_requests w USING (withdrawal_id)
            WHERE w.creator_id = %(uid)s ORDER BY t.withdrawal_id, t.attempt
            """,
            kept=_PAYOUTS,
        ),
        Rows(
            "finance.holds",
            person=(),
            what=("我的冻结金额", "Amounts set aside of your money"),
            export="""
            SELECT reference, kind, currency, amount, posted, status, held_at, expires_at, ended_at FROM finance.holds
            WHERE account LIKE ANY (ARRAY['creator:' || %(uid)s || ':%%', 'buyer:' || %(uid)s || ':%%']) ORDER BY held_at, reference
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.chargebacks",
            person=("creator_id",),
            deciders=("opened_by", "decided_by"),
            what=("被渠道扣回的付款", "Payments that a channel took back"),
            export="""
            SELECT chargeback_id, order_no, amount, status, opened_at, decided_at FROM finance.chargebacks
            WHERE creator_id = %(uid)s ORDER BY chargeback_id
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.adjustments",
            person=(),
            deciders=("proposed_by", "decided_by"),
            what=("对我账户的调账", "Corrections of your accounts"),
            export="""
            SELECT adjustment_id, currency, from_account, to_account, amount, status, reason, proposed_at, decided_at
            FROM finance.adjustments
            WHERE from_account LIKE ANY (ARRAY['creator:' || %(uid)s || ':%%', 'buyer:' || %(uid)s || ':%%'])
               OR to_account LIKE ANY (ARRAY['creator:' || %(uid)s || ':%%', 'buyer:' || %(uid)s || ':%%'])
            ORDER BY adjustment_id
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.account_merges",
            person=("from_uid", "into_uid"),
            what=("合并的账号", "Accounts that were merged"),
            export="""
            SELECT merge_id, from_uid, into_uid, heard_at, parted_at FROM finance.account_merges
            WHERE %(uid)s IN (from_uid, into_uid) ORDER BY merge_id
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.invoices",
            person=("user_id",),
            what=("我的发票", "Your invoices"),
            reveal=_invoice,
            export="""
            SELECT i.invoice_id, i.kind, i.invoice_no, i.order_nos, i.amount, i.tax_rate_bp, i.tax_amount, i.title_type, i.title,
                   i.tax_no, i.email, i.serial, i.status, i.issued_at, i.created_at
            FROM finance.invoices i WHERE i.user_id = %(uid)s ORDER BY i.invoice_id
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.invoice_orders",
            person=(),
            what=("发票上的订单", "Orders on your invoices"),
            export="""
            SELECT o.invoice_id, o.order_no, o.title, o.amount FROM finance.invoice_orders o
            JOIN finance.invoices i USING (invoice_id) WHERE i.user_id = %(uid)s ORDER BY o.invoice_id, o.order_no
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.statements",
            person=("creator_id",),
            what=("我的月结单", "Your monthly statements"),
            export="""
            SELECT statement_id, month, opening_balance, closing_balance, line_count, figures_sha256, created_at
            FROM finance.statements WHERE creator_id = %(uid)s ORDER BY statement_id
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.statement_files",
            person=(),
            what=("月结单的文件", "Files of your statements"),
            export="""
            SELECT f.statement_id, f.format, f.sha256, f.size, f.created_at FROM finance.statement_files f
            JOIN finance.statements s USING (statement_id) WHERE s.creator_id = %(uid)s ORDER BY f.statement_id, f.format
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.ledger_postings",
            person=(),
            what=("我的账户流水", "Movements of your accounts"),
            export="""
            SELECT e.reference, e.kind, split_part(a.name, ':', 3) AS account, e.currency, p.amount, p.balance_after, p.at
            FROM finance.ledger_accounts a JOIN finance.ledger_postings p USING (account_id)
            JOIN finance.ledger_entries e USING (entry_id)
            WHERE a.kind = 'owner' AND split_part(a.name, ':', 2)::bigint = %(uid)s ORDER BY p.at, p.posting_id
            """,
            kept=_BOOKS,
        ),
        Rows(
            "finance.ledger_accounts",
            person=(),
            what=("我的账户余额", "Balances of your accounts"),
            export="""
            SELECT split_part(name, ':', 3) AS account, currency, balance, created_at FROM finance.ledger_accounts
            WHERE kind = 'owner' AND split_part(name, ':', 2)::bigint = %(uid)s ORDER BY account_id
            """,
            kept=_BOOKS,
        ),
    ),
)
