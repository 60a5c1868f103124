"""Works off the reconciliations that operators ask for."""

from functions.payments.service import reconciliation
from shared.batch import each_message

handler = each_message(reconciliation.run, consumer="payments.run_reconciliation")
