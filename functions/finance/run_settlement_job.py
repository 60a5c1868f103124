"""Works off the settlements that operators ask for."""

from functions.finance.service import jobs
from shared.batch import each_message

handler = each_message(jobs.run, consumer="finance.run_settlement_job")
