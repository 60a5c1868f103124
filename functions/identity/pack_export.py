"""Workflow: one file out of all parts of an export."""

from functions.identity.service import data_export
from shared.workflow import step

handler = step(data_export.pack, "pack_export", subject="request_id")
