"""Workflow: an export that did not work says so."""

from functions.identity.service import data_export
from shared.workflow import step

handler = step(data_export.fail, "fail_export", subject="request_id")
