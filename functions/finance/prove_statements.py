"""Each night: every statement ever given is computed again from the postings."""

from functions.finance.service import statement_figures
from shared.schedule import scheduled

handler = scheduled(statement_figures.prove, "finance.prove_statements")
