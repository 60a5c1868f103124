"""Runs at every deployment: makes what identity cannot start without, once. The signing key, the hash key, the first operator."""

import json
import os
from typing import Any

from functions.identity import keyed, signing_keys
from functions.identity.service import staff
from shared import aws, observe
from shared.sql.edge import unit_of_work


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Prepare; repeating it changes nothing."""
    observe.bind(task="identity.prepare_keys", request_id=getattr(context, "aws_request_id", None))
    made = {
        "hash_key": keyed.ensure_key(),
        "signing_key": signing_keys.ensure(),
        "operator": ensure_operator(),
    }
    observe.info("identity prepared", **made)
    return made


def ensure_operator() -> bool:
    """Make the first super admin from the secret `bootstrap-admin`, if it names one; True when one was made."""
    secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_BOOTSTRAP_ADMIN"])["SecretString"]
    with unit_of_work() as db:
        return staff.bootstrap(db, json.loads(secret))
