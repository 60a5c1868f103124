"""Routes of platform: health, the API's own description, background jobs, what clients start with, and messages."""

from functions.platform.http import configuration, documents, health, jobs, messages
from shared.http.app import create_app, lambda_handler

app = create_app("platform", health.router, documents.router, jobs.router, configuration.router, messages.router)
handler = lambda_handler(app)
