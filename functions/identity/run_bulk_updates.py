"""Works off the changes of many accounts that operators ask for."""

from functions.identity.service import bulk_updates
from shared.batch import each_message

handler = each_message(bulk_updates.run, consumer="identity.run_bulk_updates")
