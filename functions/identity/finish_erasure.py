"""Workflow: identity erases its own part, the last."""

from functions.identity.service import deletion
from shared.workflow import step

handler = step(deletion.finish, "finish_erasure", subject="request_id")
