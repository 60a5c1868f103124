"""Two accounts that were merged are two again: the follows go back, a few at a time."""

from typing import Any

from events.identity import AccountsParted
from functions.identity.service import merged_follows
from shared.batch import each_message


def _give_back(body: dict[str, Any]) -> None:
    merged_follows.give_back(AccountsParted.model_validate(body["detail"]))


handler = each_message(_give_back, "identity.on_accounts_parted")
