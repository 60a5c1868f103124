"""A person wants a copy of their data: the workflow that gathers it starts, under the request's id."""

from events.identity import PersonalDataRequested
from functions.identity.service import data_export
from shared.batch import on_fact
from shared.sql.connection import Connection


def start(_db: Connection, fact: PersonalDataRequested) -> None:
    """Start the execution; asked for again, it is the same one."""
    data_export.start(fact.request_id)


handler = on_fact(PersonalDataRequested, start, consumer="identity.start_export")
