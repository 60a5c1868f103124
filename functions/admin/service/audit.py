"""The two audit logs, kept provable."""

from typing import Final

from functions.admin.store.audit_chains import CHAINS
from shared.sql.sealed import Sealed

LOGS: Final = Sealed("audit", CHAINS)
