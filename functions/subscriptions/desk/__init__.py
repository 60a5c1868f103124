"""What staff see of subscriptions, and the `handler` that serves it."""

from functions.subscriptions.desk import memberships, subscriptions
from shared.http.app import create_app, lambda_handler

app = create_app("subscriptions", subscriptions.router, memberships.router)
handler = lambda_handler(app)
