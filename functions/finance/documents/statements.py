"""Monthly statements as files."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.finance import links
from functions.finance.document_errors import MonthNotOver, StatementNotFound, StatementNotReady
from functions.finance.document_schemas import ExportIn, LinkOut
from functions.finance.errors import MonthInvalid
from functions.finance.service import statement_requests
from functions.finance.store import statement_files as store
from functions.finance.store.statement_files import Format
from shared.http.app import BASE
from shared.http.auth import Creator, owned
from shared.http.envelope import Answer, PathId, answer
from shared.http.jobs import JobOut, job_out
from shared.http.problems import problems
from shared.http.sql import Read

router = APIRouter(prefix=BASE + "/finance/statements", tags=["finance"])


@router.post("/export", status_code=202, responses=problems(MonthInvalid, MonthNotOver))
async def export_statement(body: ExportIn, caller: Creator) -> Answer[JobOut]:
    """Make a file of the own statement of a month that is over; the job's result names the statement."""
    return answer(job_out(statement_requests.ask(caller.uid, body.month, body.format)))


@router.get("/download/{statement_id:int}", responses=problems(StatementNotFound, StatementNotReady))
async def download_statement(
    statement_id: PathId, caller: Creator, db: Read, file_format: Annotated[Format, Query(alias="format")] = "pdf"
) -> Answer[LinkOut]:
    """A link to a file of an own statement, good for 300 s."""
    found = store.file_of(db, statement_id, file_format)
    _, key = owned(found, found[0] if found else None, caller, StatementNotFound)
    if key is None:
        raise StatementNotReady
    return answer(links.to(key))
