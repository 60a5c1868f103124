"""Two accounts of one person became one: the rights follow."""

from events.identity import AccountsMerged
from functions.subscriptions.service import merging
from shared.batch import on_fact

handler = on_fact(AccountsMerged, merging.hear, "subscriptions.on_accounts_merged")
