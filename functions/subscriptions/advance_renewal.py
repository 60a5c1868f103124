"""Workflow: what a renewal needs by now is done, and when to look again is said."""

from functions.subscriptions.service import renewal_runs
from shared.workflow import step

handler = step(renewal_runs.advance, "advance_renewal", subject="renewal_id")
