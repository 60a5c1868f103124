"""Every route of payments, and the `handler` that serves them."""

from functions.payments.http import admin, alipay, balance, cases, orders, reconciliations, refunds, risk, unionpay, wechat
from shared.http.app import create_app, lambda_handler

app = create_app(
    "payments",
    orders.router,
    alipay.router,
    wechat.router,
    unionpay.router,
    refunds.router,
    balance.router,
    admin.router,
    cases.router,
    risk.router,
    reconciliations.router,
)
handler = lambda_handler(app)
