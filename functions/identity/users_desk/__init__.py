"""The operators' user desk, by concept. A function of its own: it hashes passwords of accounts it opens, two at a time.

The contract calls the domain of these rows `admin`; the accounts are identity's, and a domain's tables are its own.
"""

from functions.identity.users_desk import accounts, batches, reads
from shared.http.app import create_app, lambda_handler

app = create_app("identity", reads.router, accounts.router, batches.router)
handler = lambda_handler(app)
