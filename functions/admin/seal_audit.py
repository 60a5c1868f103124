"""Every minute: seal the audit rows that can gain no neighbours any more."""

from functions.admin.service.audit import LOGS
from shared.schedule import scheduled

handler = scheduled(LOGS.seal, "admin.seal_audit")
