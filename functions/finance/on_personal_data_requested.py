"""A person wants a copy of their data: our part of it."""

from functions.finance.personal_data import DATA
from shared.personal_data import exports

handler = exports(DATA)
