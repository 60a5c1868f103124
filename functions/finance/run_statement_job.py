"""Makes statements into files."""

from functions.finance.service import statement_jobs
from shared.batch import each_message

handler = each_message(statement_jobs.run, consumer="finance.run_statement_job")
