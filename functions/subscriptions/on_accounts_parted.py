"""Two accounts that were merged are two again: the rights go back."""

from events.identity import AccountsParted
from functions.subscriptions.service import merging
from shared.batch import on_fact

handler = on_fact(AccountsParted, merging.part, "subscriptions.on_accounts_parted")
