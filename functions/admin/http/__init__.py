"""Routes of settings, permissions and roles, and of the audit log; one module per concept."""

from functions.admin.http import audit, permissions, settings
from shared.http.app import create_app, lambda_handler

app = create_app("admin", settings.router, permissions.router, audit.router)
handler = lambda_handler(app)
