"""Routes that open and end sessions and set passwords, by concept; a function of their own, which hashes and signs."""

from functions.identity.auth import accounts, codes, passwords, sessions, staff
from functions.identity.trail import Trail
from shared.http.app import create_app, lambda_handler

app = create_app("identity", accounts.router, sessions.router, codes.router, passwords.router, staff.router)
app.add_middleware(Trail)
handler = lambda_handler(app)
