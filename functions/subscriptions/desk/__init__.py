"""What staff see of subscriptions, and the `handler` that serves it."""

from functions.subscriptions.desk import subscriptions
from shared.http.app import create_app, lambda_handler

app = create_app("subscriptions", subscriptions.router)
handler = lambda_handler(app)
