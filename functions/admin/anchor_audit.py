"""Every five minutes: anchor the ends of the audit chains in S3, and each day that ended, where nobody can undo it."""

from functions.admin.service.audit import LOGS
from shared.schedule import scheduled

handler = scheduled(LOGS.anchor, "admin.anchor_audit")
