"""Workflow: the grace period is over; unless something stands against it, every domain is asked to erase."""

from functions.identity.service import deletion
from shared.workflow import step

handler = step(deletion.begin, "begin_erasure", subject="request_id")
