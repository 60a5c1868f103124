"""What finance refuses about the books themselves."""

from shared.errors import Refusal


class ChargebackNotFound(Refusal):
    status, error = 404, "chargeback_not_found"
    zh, en = "拒付记录不存在", "There is no such chargeback"


class AdjustmentNotFound(Refusal):
    status, error = 404, "adjustment_not_found"
    zh, en = "调账申请不存在", "There is no such adjustment"


class LedgerAccountNotFound(Refusal):
    status, error = 404, "ledger_account_not_found"
    zh, en = "账户不存在", "There is no such account in the ledger"


class LedgerEntryNotFound(Refusal):
    status, error = 404, "ledger_entry_not_found"
    zh, en = "账目不存在", "There is no such entry in the ledger"
