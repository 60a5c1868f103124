"""Renewal by agreement, in a function of its own: it alone of those that serve requests holds vendors' secrets."""

from functions.subscriptions.withholding import routes
from shared.http.app import create_app, lambda_handler

app = create_app("subscriptions", routes.router)
handler = lambda_handler(app)
