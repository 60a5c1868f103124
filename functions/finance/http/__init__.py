"""Every route of finance, and the `handler` that serves them."""

from functions.finance.http import (
    calculation,
    corrections,
    desk,
    earnings,
    ledger,
    overview,
    payout_queue,
    pool,
    reports,
    terms,
    withdrawals,
)
from shared.http.app import create_app, lambda_handler

app = create_app(
    "finance",
    earnings.router,
    terms.router,
    calculation.router,
    withdrawals.router,
    desk.router,
    payout_queue.router,
    overview.router,
    pool.router,
    reports.router,
    ledger.router,
    corrections.router,
)
handler = lambda_handler(app)
