"""Workflow: whether every other domain has erased its part."""

from functions.identity.service import deletion
from shared.workflow import step

handler = step(deletion.follow, "follow_erasure", subject="request_id")
