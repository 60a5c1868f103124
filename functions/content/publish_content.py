"""Called by the Scheduler entry of one work, at its time."""

from typing import Any

from functions.content.service import publishing
from shared import clock, observe
from shared.sql.edge import unit_of_work


def handler(event: dict[str, Any], context: Any) -> dict[str, bool]:
    """Publish the work named, if it is still waiting for this moment."""
    content_id = int(event["content_id"])
    observe.bind(task="content.publish_content", request_id=getattr(context, "aws_request_id", None))
    with unit_of_work() as db:
        published = publishing.publish_scheduled(db, content_id, clock.now())
    observe.info("scheduled work", content_id=content_id, published=published)
    return {"published": published}
