"""An account has ended: its person is erased here too, and what was audited stays."""

from functions.admin.personal_data import DATA
from shared.personal_data import erases

handler = erases(DATA)
