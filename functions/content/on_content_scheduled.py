"""A work was scheduled: make the Scheduler entry that will publish it."""

from events.content import ContentScheduled
from functions.content.service import publishing
from shared.batch import on_fact

handler = on_fact(ContentScheduled, publishing.arrange, consumer="content.on_content_scheduled")
