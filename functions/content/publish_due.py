"""Every minute: publishes what is due and was missed by its own Scheduler entry."""

from functions.content.service import publishing
from shared.schedule import scheduled

handler = scheduled(publishing.publish_due, "content.publish_due")
