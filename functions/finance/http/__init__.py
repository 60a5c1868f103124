"""Every route of finance, and the `handler` that serves them."""

from functions.finance.http import desk, earnings, overview, payout_queue, pool, terms, withdrawals
from shared.http.app import create_app, lambda_handler

app = create_app(
    "finance",
    earnings.router,
    terms.router,
    withdrawals.router,
    desk.router,
    payout_queue.router,
    overview.router,
    pool.router,
)
handler = lambda_handler(app)
