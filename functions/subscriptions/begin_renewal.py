"""Called by the Scheduler entry of one subscription, some days before its period ends: its renewal begins."""

from typing import Any

from functions.subscriptions.service import renewal_runs
from shared import observe


def handler(event: dict[str, Any], context: Any) -> dict[str, bool]:
    """Start the execution of the renewal that is due, unless it runs already or there is none."""
    subscription_id = int(event["subscription_id"])
    observe.bind(task="subscriptions.begin_renewal", request_id=getattr(context, "aws_request_id", None))
    started = renewal_runs.begin(subscription_id)
    observe.info("renewal due", subscription_id=subscription_id, started=started)
    observe.flush()
    return {"started": started}
