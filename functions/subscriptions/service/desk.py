"""What staff see of subscriptions."""

from collections.abc import Mapping

from functions.subscriptions.schemas import SubscriptionOut
from functions.subscriptions.service.views import subscription_out
from functions.subscriptions.store.desk import SUBSCRIPTIONS_OF_ALL
from shared.http.envelope import Page
from shared.paging import PageQuery
from shared.sql.connection import Connection


def page(db: Connection, query: PageQuery, filters: Mapping[str, object]) -> Page[SubscriptionOut]:
    """Everybody's subscriptions, newest first unless another order is asked for."""
    return SUBSCRIPTIONS_OF_ALL.page(db, query, dict(filters), subscription_out)
