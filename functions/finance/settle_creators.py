"""Step of the settlement: the creators of one page."""

from functions.finance.service import runs
from shared.workflow import step

handler = step(runs.settle_page, "settle_creators", subject="run")
