"""What identity runs and may touch."""

from shared.manifest import DeployTask, HttpFunction, Key, Manifest, OnQueue, Queue, Secret, SendsEmail, Table

_SESSIONS = Table("identity", ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"), ("U#",))
_CODES = Table("identity", ("GetItem", "PutItem", "UpdateItem"), ("C#", "CF#"))
_JOURNEYS = Table("identity", ("GetItem", "PutItem", "DeleteItem"), ("O#",))
_FAILURES = Table("identity", ("GetItem", "PutItem"), ("LF#",))
_HASH_KEY = Table("identity", ("GetItem",), ("HASHKEY",))
_LOGINS = Table("events", ("PutItem",), ("U#",))

MANIFEST = Manifest(
    domain="identity",
    functions=(
        # Alone with password hashes and signing keys; memory for one full vCPU, since a hash takes 18 ms of it.
        HttpFunction(
            "auth",
            routes=("/auth/{proxy+}", "/admin/auth/{proxy+}"),
            layers=("http", "sql", "argon2"),
            memory=1769,
            grants=(
                _SESSIONS,
                _CODES,
                _FAILURES,
                _HASH_KEY,
                _LOGINS,
                Key("pii", ("decrypt",)),
                Secret("signing-keys"),
                Queue("email"),
                Queue("sms"),
            ),
        ),
        # Waits for providers, so that nobody else does.
        HttpFunction(
            "oauth",
            routes=("/auth/oauth/{proxy+}",),
            grants=(
                _SESSIONS,
                _JOURNEYS,
                _HASH_KEY,
                _LOGINS,
                Key("pii", ("encrypt", "decrypt")),
                Secret("signing-keys"),
                Secret("oauth"),
            ),
        ),
        HttpFunction(
            routes=(
                "/users/profile",
                "/users/identity-verify",
                "/users/creator-apply",
                "/admin/verifications/{proxy+}",
                "/.well-known/{proxy+}",
            ),
            grants=(
                Table("identity", ("Query", "UpdateItem"), ("U#",)),
                _HASH_KEY,
                Key("pii", ("encrypt", "decrypt")),
            ),
        ),
        OnQueue(
            "send_email_code",
            queue="email",
            sql=False,
            grants=(_CODES, _HASH_KEY, Key("pii", ("decrypt",)), SendsEmail()),
        ),
        OnQueue(
            "send_sms_code",
            queue="sms",
            sql=False,
            grants=(_CODES, _HASH_KEY, Key("pii", ("decrypt",)), Secret("sms")),
        ),
        DeployTask(
            "prepare_keys",
            layers=("http", "sql", "argon2"),
            grants=(
                Secret("signing-keys", write=True),
                Secret("bootstrap-admin"),
                Table("identity", ("PutItem", "GetItem"), ("JWKS", "HASHKEY")),
                Key("pii", ("encrypt", "decrypt")),
            ),
        ),
    ),
    queues=("email", "sms"),
)
