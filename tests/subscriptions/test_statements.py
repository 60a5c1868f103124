"""Statements put together from parts fit the schema too (whole literals are prepared by tests/boundaries)."""

import pytest
from psycopg import sql

from functions.subscriptions.store import coupons, plans, promotions, rules, subscriptions
from tests.boundaries.test_sql import numbered

COMPOSED = {
    f"{module.__name__}.{name}": value
    for module in (plans, subscriptions)
    for name, value in vars(module).items()
    if isinstance(value, sql.Composed)
}
LISTED = {
    f"{name} by {sort}": statement
    for name, shapes in {
        "plans": plans.PLANS.statements(),
        "history": subscriptions.HISTORY.statements(),
        "rules": rules.RULES.statements(),
        "created coupons": coupons.CREATED.statements(),
        "usable coupons": coupons.USABLE.statements(),
        "campaigns": promotions.MANAGED.statements(),
        "running campaigns": promotions.RUNNING.statements(),
    }.items()
    for sort, statement, _ in shapes
}


@pytest.mark.parametrize("name", [*COMPOSED, *LISTED])
def test_every_composed_statement_fits_the_schema(house, name: str) -> None:
    text = (COMPOSED | LISTED)[name].as_string(None)
    house.sql(f"PREPARE checked AS {numbered(text)}")
    house.sql("DEALLOCATE checked")
