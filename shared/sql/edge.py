"""The edge of every write, whatever started it: one transaction, the outbox in it, published once it is committed."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.sql import duty, outbox
from shared.sql.connection import Connection, transaction


@contextmanager
def unit_of_work() -> Iterator[Connection]:
    """All or nothing: the block's changes and the facts it recorded commit together; then the facts go out.

    The first one of a staff mutation holds its audit row, or raises Unaudited instead of committing.
    """
    with duty.held() as settle, transaction() as db:
        yield db
        outbox.store(db)
        settle()
    outbox.send(db)
