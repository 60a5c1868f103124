"""Routes of one's own account, of verification and its review, and the published keys; one module per concept."""

from functions.identity.http import keys, profile, verifications
from shared.http.app import create_app, lambda_handler

app = create_app("identity", profile.router, verifications.router, keys.router)
handler = lambda_handler(app)
