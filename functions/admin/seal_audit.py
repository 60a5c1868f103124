"""Every minute: seal the audit rows that can gain no neighbours any more."""

from functions.admin.service import audit
from shared.schedule import scheduled

handler = scheduled(audit.seal, "admin.seal_audit")
