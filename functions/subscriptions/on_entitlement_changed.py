"""A right changed: show it in the read model. Versions make duplicates and late facts harmless, so no id is remembered."""

from typing import Any

from events.subscriptions import EntitlementChanged
from functions.subscriptions.rights import Right
from functions.subscriptions.service import projection
from shared.batch import each_message


def _project(body: dict[str, Any]) -> None:
    projection.project(Right.told(EntitlementChanged.model_validate(body["detail"])))


handler = each_message(_project, "subscriptions.on_entitlement_changed")
