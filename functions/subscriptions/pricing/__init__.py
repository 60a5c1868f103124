"""Routes of prices, coupons and promotions, and the `handler` that serves them: a function beside that of subscriptions."""

from functions.subscriptions.pricing import coupons, promotions, rules
from shared.http.app import create_app, lambda_handler

app = create_app("subscriptions", coupons.router, promotions.router, rules.router)
handler = lambda_handler(app)
