"""User desk: security events."""

from typing import Any

from alembic import op

revision = "0014"
down_revision = "0013"

DOMAINS = (
    "identity", "content", "media", "subscriptions", "payments", "finance", "wallets", "social", "messaging", "moderation",
    "support", "analytics", "recommendations", "learning", "ai_pool", "market_data", "trading", "admin", "cms", "platform",
)  # fmt: skip

SECURITY_EVENTS = """
CREATE TABLE admin.security_events (
    event_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Two rows with the same text are one event.
    once TEXT NOT NULL CONSTRAINT security_events_once UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('abnormal_login', 'permission_violation', 'api_abuse', 'signature_failure',
        'injection_attempt', 'brute_force', 'data_access')),
    severity TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    user_id BIGINT,
    admin_id BIGINT,
    ip VARCHAR(45),
    detail JSONB NOT NULL,
    status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved')),
    resolution TEXT CHECK (resolution IN ('false_positive', 'mitigated', 'accepted')),
    resolved_by BIGINT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CHECK ((status = 'resolved') = (resolution IS NOT NULL))
);
CREATE INDEX security_events_queue ON admin.security_events (status, created_at, event_id);
CREATE INDEX security_events_of_user ON admin.security_events (user_id, created_at) WHERE user_id IS NOT NULL;
GRANT SELECT, UPDATE (status, resolution, resolved_by, updated_at) ON admin.security_events TO admin;
"""


def _run(statement: str) -> Any:
    # A colon would be read as a bind parameter by SQLAlchemy's text().
    return op.get_bind().exec_driver_sql(statement.replace("%", "%%"))


def upgrade() -> None:
    """Build them."""
    _run(SECURITY_EVENTS)
    # ON CONFLICT reads the column it judges by.
    _run(f"GRANT INSERT, SELECT (once) ON admin.security_events TO {', '.join(DOMAINS)}")


def downgrade() -> None:
    """Take them away."""
    _run("DROP TABLE admin.security_events")
