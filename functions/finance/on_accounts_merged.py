"""Two accounts of one person became one: the money follows."""

from events.identity import AccountsMerged
from functions.finance.service import merging
from shared.batch import on_fact

handler = on_fact(AccountsMerged, merging.hear, consumer="finance.on_accounts_merged")
