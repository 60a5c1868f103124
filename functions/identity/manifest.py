"""What identity runs and may touch."""

from events.admin import RoleChanged, StaffChanged
from events.identity import AccountsMerged, AccountsParted, DeletionRequested, PersonalDataRequested, VerificationDecided
from events.subscriptions import MembershipChanged, RenewalNoticeDue
from shared.manifest import (
    Bucket,
    DeployTask,
    HttpFunction,
    Key,
    Manifest,
    OnEvent,
    OnQueue,
    OnStream,
    Publishes,
    Queue,
    Scheduled,
    Secret,
    SendsEmail,
    StartsWorkflow,
    Table,
    Task,
    Workflow,
)

_SESSIONS = Table("identity", ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"), ("U#",))
_LIVE_SESSIONS = Table("identity", ("GetItem", "Query", "UpdateItem", "DeleteItem"), ("U#",))
_CODES = Table("identity", ("GetItem", "PutItem", "UpdateItem"), ("C#", "CF#"))
_JOURNEYS = Table("identity", ("GetItem", "PutItem", "DeleteItem"), ("O#",))
_HASH_KEY = Table("identity", ("GetItem",), ("HASHKEY",))
_LOGINS = Table("events", ("PutItem",), ("U#", "LN#"))
_JOBS = Table("ops", ("GetItem", "UpdateItem"), ("JOB#",))
_FOLLOWS = Table("social", ("GetItem", "BatchGetItem", "Query", "PutItem", "DeleteItem"), ("U#", "F#"))

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
                Queue("email"),
            ),
        ),
        # Has the signing keys, and little else.
        HttpFunction(
            "api_keys",
            routes=("/api-keys/{proxy+}",),
            grants=(
                Table("identity", ("PutItem", "DeleteItem", "Query"), ("U#",)),
                Table("ops", ("Query",), ("KU#",)),
                Table("events", ("PutItem",), ("U#",)),
                Secret("signing-keys"),
            ),
        ),
        HttpFunction(
            routes=(
                "/users/profile/{proxy+}",
                "/users/update",
                "/users/avatar",
                "/users/follow/{proxy+}",
                "/users/unfollow/{proxy+}",
                "/users/followers",
                "/users/following",
                "/users/privacy",
                "/users/security",
                "/users/sessions",
                "/users/sessions/{proxy+}",
                "/auth/ban-status",
                "/users/identity-verify",
                "/users/creator-apply",
                "/admin/verifications/{proxy+}",
                "/.well-known/{proxy+}",
            ),
            grants=(
                _LIVE_SESSIONS,
                _FOLLOWS,
                _HASH_KEY,
                Table("events", ("Query",), ("U#",)),
                Key("pii", ("encrypt", "decrypt")),
                Queue("email"),
            ),
        ),
        # Operators open accounts with passwords, a hundred at once; memory for two full vCPUs, which hash side by side.
        HttpFunction(
            "users_desk",
            routes=("/admin/users", "/admin/users/{proxy+}"),
            layers=("http", "sql", "argon2"),
            memory=3538,
            grants=(
                _LIVE_SESSIONS,
                Table("events", ("Query",), ("U#",)),
                Table("ops", ("PutItem",), ("JOB#",)),
                Table("ops", ("GetItem", "UpdateItem"), ("CA#admin:user_stats:",)),
                Queue("bulk"),
            ),
        ),
        OnQueue(
            "run_bulk_updates",
            queue="bulk",
            batch_size=1,
            timeout=120,
            grants=(_JOBS, _LIVE_SESSIONS, Queue("bulk")),
        ),
        Scheduled("resume_bulk_updates", expression="rate(5 minutes)", grants=(Queue("bulk"),)),
        Scheduled("fold_user_counts", expression="rate(5 minutes)", timeout=60),
        Scheduled("detect_anomalies", expression="rate(5 minutes)", timeout=60),
        # A password may prove who leaves.
        HttpFunction(
            "life",
            routes=("/users/deactivate", "/users/delete", "/users/export-data"),
            layers=("http", "sql", "argon2"),
            memory=1769,
            grants=(
                _SESSIONS,
                _CODES,
                _HASH_KEY,
                Table("events", ("PutItem",), ("U#",)),
                Table("ops", ("PutItem",), ("JOB#",)),
                Key("pii", ("decrypt",)),
                Queue("email"),
            ),
        ),
        # A password may prove the other account; a verified name is encrypted anew for its new account.
        HttpFunction(
            "merge",
            routes=("/users/merge", "/users/merge/{proxy+}"),
            layers=("http", "sql", "argon2"),
            memory=1769,
            grants=(
                _LIVE_SESSIONS,
                _CODES,
                _HASH_KEY,
                _LOGINS,
                Key("pii", ("encrypt", "decrypt")),
                Queue("email"),
            ),
        ),
        OnEvent("on_accounts_merged", event=AccountsMerged, timeout=900, grants=(_FOLLOWS, Publishes())),
        OnEvent("on_accounts_parted", event=AccountsParted, timeout=900, grants=(_FOLLOWS, Publishes())),
        OnEvent("on_deletion_requested", event=DeletionRequested, grants=(StartsWorkflow("account_deletion"),)),
        Task("begin_erasure", grants=(Publishes(),)),
        Task("follow_erasure", grants=(Publishes(),)),
        Task(
            "finish_erasure",
            timeout=900,  # someone may be followed by very many
            memory=1024,
            grants=(
                Table("identity", ("Query", "DeleteItem"), ("U#",)),
                Table("events", ("Query", "DeleteItem"), ("U#",)),
                Table("ops", ("Query", "DeleteItem"), ("KU#",)),
                _FOLLOWS,
                Bucket("exports", ("list", "delete"), "personal/"),
            ),
        ),
        OnEvent("start_export", event=PersonalDataRequested, grants=(StartsWorkflow("data_export"),)),
        OnEvent(
            "on_personal_data_requested",
            event=PersonalDataRequested,
            timeout=300,
            grants=(
                Table("identity", ("Query",), ("U#",)),
                Table("events", ("Query",), ("U#",)),
                Table("social", ("Query",), ("U#", "F#")),
                Table("ops", ("Query",), ("KU#",)),
                Key("pii", ("decrypt",)),
                Bucket("exports", ("write",), "personal/"),
            ),
        ),
        Task("gather_export", grants=(_JOBS, Publishes())),
        Task(
            "pack_export",
            timeout=900,
            memory=1024,
            grants=(_JOBS, Bucket("exports", ("read", "write", "delete"), "personal/")),
        ),
        Task("fail_export", grants=(_JOBS,)),
        Scheduled(
            "erase_due_accounts",
            expression="cron(30 19 * * ? *)",
            timeout=300,
            grants=(StartsWorkflow("account_deletion"), StartsWorkflow("data_export")),
        ),
        OnEvent("on_verification_decided", event=VerificationDecided, grants=(Queue("email"), Queue("sms"))),
        OnEvent("on_renewal_notice_due", event=RenewalNoticeDue, grants=(Queue("email"), Queue("sms"), Publishes())),
        OnStream("on_social_stream", group="social", grants=(Publishes(),)),
        OnEvent("on_staff_changed", event=StaffChanged, grants=(_LIVE_SESSIONS,)),
        OnEvent("on_role_changed", event=RoleChanged, grants=(_LIVE_SESSIONS,)),
        OnEvent("on_membership_changed", event=MembershipChanged),
        Scheduled(
            "rotate_keys",
            expression="rate(15 minutes)",
            grants=(Secret("signing-keys", write=True), Table("identity", ("PutItem", "GetItem"), ("JWKS",))),
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
        Scheduled(
            "publish_providers",
            expression="rate(1 minute)",
            grants=(Secret("oauth"), Table("identity", ("GetItem", "PutItem"), ("PROVIDERS",))),
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
    workflows=(
        Workflow("account_deletion", ("begin_erasure", "follow_erasure", "finish_erasure")),
        Workflow("data_export", ("gather_export", "pack_export", "fail_export")),
    ),
    queues=("email", "sms", "bulk"),
)
