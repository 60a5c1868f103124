"""Step of the settlement: claims the run and lists who is due."""

from functions.finance.service import runs
from shared.workflow import step

handler = step(runs.begin, "begin_settlement", subject="run")
