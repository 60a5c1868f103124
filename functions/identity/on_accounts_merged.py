"""Two accounts of one person became one: the follows move, a few at a time and so in transactions of their own."""

from typing import Any

from events.identity import AccountsMerged
from functions.identity.service import merged_follows
from shared.batch import each_message


def _move(body: dict[str, Any]) -> None:
    merged_follows.move(AccountsMerged.model_validate(body["detail"]))


handler = each_message(_move, "identity.on_accounts_merged")
