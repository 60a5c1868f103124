"""The routes of gifts, and the `handler` that serves them: it alone may open the codes."""

from functions.subscriptions.gifts import gifts
from shared.http.app import create_app, lambda_handler

app = create_app("subscriptions", gifts.router)
handler = lambda_handler(app)
