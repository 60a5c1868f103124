"""An account has ended: its person is erased here too."""

from functions.payments.personal_data import DATA
from shared.personal_data import erases

handler = erases(DATA)
