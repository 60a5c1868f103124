"""A membership changed: show it in the read model. Versions make duplicates and late facts harmless, so no id is remembered."""

from typing import Any

from events.subscriptions import MembershipChanged
from functions.subscriptions.memberships import Membership
from functions.subscriptions.service import projection
from shared.batch import each_message


def _project(body: dict[str, Any]) -> None:
    fact = MembershipChanged.model_validate(body["detail"])
    projection.project(Membership(fact.uid, fact.terms, fact.version))


handler = each_message(_project, "subscriptions.on_membership_changed")
