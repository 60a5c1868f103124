"""The routes of invoices and of statements as files, and the `handler` that serves them."""

from functions.finance.documents import invoices, statements
from shared.http.app import create_app, lambda_handler

app = create_app("finance", invoices.router, statements.router)
handler = lambda_handler(app)
