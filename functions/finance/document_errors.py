"""What is refused of invoices and statements."""

from shared.errors import Refusal


class OrderNotFound(Refusal):
    status, error = 404, "order_not_found"
    zh, en = "订单不存在", "There is no such order"


class OrderNotPaid(Refusal):
    status, error = 409, "order_not_paid"
    zh, en = "订单未支付", "The order is not paid"


class AlreadyInvoiced(Refusal):
    status, error = 409, "already_invoiced"
    zh, en = "订单已开票", "An invoice holds this order already"


class TaxNoRequired(Refusal):
    status, error = 422, "tax_no_required"
    zh, en = "企业抬头须填写纳税人识别号", "A company's invoice needs its tax number"


class InvoiceNotFound(Refusal):
    status, error = 404, "invoice_not_found"
    zh, en = "发票不存在", "There is no such invoice"


class InvoiceNotReady(Refusal):
    status, error = 409, "invoice_not_ready"
    zh, en = "发票尚未开具完成", "The invoice is not issued yet"


class StatementNotFound(Refusal):
    status, error = 404, "statement_not_found"
    zh, en = "月结单不存在", "There is no such statement"


class StatementNotReady(Refusal):
    status, error = 409, "statement_not_ready"
    zh, en = "月结单文件尚未生成", "The file of this statement is not made yet"


class MonthNotOver(Refusal):
    status, error = 409, "month_not_over"
    zh, en = "该月尚未结束，次月一日一时起可导出", "The month is not over: it is closed at 01:00 on the first of the next"
