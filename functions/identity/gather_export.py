"""Workflow: whether every domain has written its part of an export."""

from functions.identity.service import data_export
from shared.workflow import step

handler = step(data_export.gather, "gather_export", subject="request_id")
