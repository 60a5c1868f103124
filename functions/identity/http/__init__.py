"""Routes of accounts and profiles, follows, privacy, verification and its review, and the published keys, by concept."""

from functions.identity.http import follows, keys, privacy, profile, security, sessions, verifications
from functions.identity.trail import Trail
from shared.http.app import create_app, lambda_handler

app = create_app(
    "identity",
    profile.router,
    follows.router,
    privacy.router,
    security.router,
    sessions.router,
    verifications.router,
    keys.router,
)
app.add_middleware(Trail)
handler = lambda_handler(app)
