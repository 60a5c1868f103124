"""Makes reports and tax data into files."""

from functions.finance.service import report_jobs
from shared.batch import each_message

handler = each_message(report_jobs.run, consumer="finance.run_report_job")
