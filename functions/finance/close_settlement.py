"""Step of the settlement: ties the run out."""

from functions.finance.service import runs
from shared.workflow import step

handler = step(runs.close, "close_settlement", subject="run")
