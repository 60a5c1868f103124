"""Every route of subscriptions, and the `handler` that serves them."""

from functions.subscriptions.http import access, life, memberships, plans, renewals, subscriptions
from shared.http.app import create_app, lambda_handler

app = create_app(
    "subscriptions", plans.router, subscriptions.router, life.router, renewals.router, access.router, memberships.router
)
handler = lambda_handler(app)
