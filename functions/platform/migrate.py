"""Runs at every deployment, before new code serves: brings the database to the newest revision."""

import os
from typing import Any

from shared import observe
from shared.sql.connection import owner_dsn
from shared.sql.migrate import upgrade


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Migrate; a deployment whose migration fails is rolled back by CloudFormation."""
    observe.bind(task="platform.migrate", request_id=getattr(context, "aws_request_id", None))
    upgrade(owner_dsn())
    observe.info("database migrated", stage=os.environ.get("STAGE"))
    return {"migrated": True}
