"""The schema and the SQL: up and down again, every statement prepared against it, no string built into a query."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from shared.sql.migrate import downgrade, upgrade

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in ("functions", "shared")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
]
_VERBS = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE|CALL)\b")
_NAMED = re.compile(r"(?<!%)%\((\w+)\)[sbt]")
_POSITIONAL = re.compile(r"(?<!%)%[sbt]")


def _calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"execute", "executemany"}
        ):
            yield node


def _literals(path: Path) -> Iterator[str]:
    """Every string of a module that is a statement, wherever it is kept."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if _VERBS.match(node.value) and "{" not in node.value and len(node.value.split()) > 2:
            yield node.value


STATEMENTS = [
    pytest.param(text, id=f"{path.relative_to(ROOT)}:{' '.join(text.split())[:60]}")
    for path in SOURCES
    for text in _literals(path)
]


def numbered(text: str) -> str:
    """psycopg's placeholders as PostgreSQL's."""
    names: dict[str, int] = {}
    text = _NAMED.sub(lambda m: f"${names.setdefault(m[1], len(names) + 1)}", text)
    count = len(names)

    def position(_: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"${count}"

    return _POSITIONAL.sub(position, text).replace("%%", "%")


@pytest.fixture(scope="module")
def owner(postgres) -> Iterator[psycopg.Connection]:
    name = postgres.copy()
    with psycopg.connect(postgres.dsn(name), autocommit=True) as connection:
        yield connection
    postgres.drop(name)


@pytest.mark.parametrize("text", STATEMENTS)
def test_every_statement_fits_the_schema(owner: psycopg.Connection, text: str) -> None:
    if not re.search(r"\b(FROM|INTO|UPDATE|JOIN|SELECT)\b", text, re.IGNORECASE):
        return
    owner.execute(f"PREPARE checked AS {numbered(text)}")
    owner.execute("DEALLOCATE checked")


def _literal(node: ast.expr) -> bool:
    """A literal, or literals and module constants joined: what mypy proves to be a LiteralString as well."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _literal(node.left) and _literal(node.right)
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id.isupper())


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_query_is_built_from_strings(path: Path) -> None:
    for call in _calls(path):
        if not call.args:
            continue
        query = call.args[0]
        built = isinstance(query, (ast.JoinedStr, ast.BinOp)) and not _literal(query)
        if isinstance(query, ast.Call) and isinstance(query.func, ast.Attribute) and query.func.attr == "format":
            built = isinstance(query.func.value, (ast.Constant, ast.JoinedStr))
        assert not built, f"{path.name}:{call.lineno} builds a query; use parameters or psycopg.sql"


def test_the_history_goes_up_down_and_up_again(postgres) -> None:
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE up_and_down")
    dsn = postgres.dsn("up_and_down")
    try:
        upgrade(dsn)
        first = _shape(dsn)
        downgrade(dsn)
        assert _shape(dsn) == {("public", "alembic_version")}
        upgrade(dsn)
        assert _shape(dsn) == first
        upgrade(dsn)
    finally:
        postgres.drop("up_and_down")


def _shape(dsn: str) -> set[tuple[str, str]]:
    with psycopg.connect(dsn) as connection:
        return set(
            connection.execute(
                """
                SELECT table_schema, table_name FROM information_schema.tables
                WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
                """
            ).fetchall()
        )


def test_the_history_is_one_line() -> None:
    versions = sorted((ROOT / "shared/sql/migrations/versions").glob("[0-9]*.py"))
    revisions = [re.search(r'^revision = "(\d+)"', path.read_text(), re.MULTILINE)[1] for path in versions]  # type: ignore[index]
    parents = [re.search(r'^down_revision = (?:"(\d+)"|None)', path.read_text(), re.MULTILINE)[1] for path in versions]  # type: ignore[index]
    assert parents == [None, *revisions[:-1]]


def test_no_role_may_change_what_is_append_only(owner: psycopg.Connection) -> None:
    rows = owner.execute(
        """
        SELECT grantee, table_schema || '.' || table_name, privilege_type
        FROM information_schema.role_table_grants
        WHERE privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE') AND grantee <> 'postgres'
          AND (table_schema, table_name) IN (
              ('admin', 'operator_audit_logs'), ('admin', 'admin_operation_logs'), ('admin', 'audit_blocks'),
              ('admin', 'operator_audit_seals'), ('admin', 'admin_operation_seals'),
              ('finance', 'ledger_entries'), ('finance', 'ledger_postings'))
        """
    ).fetchall()
    assert rows == []


def test_a_domain_reaches_other_schemas_only_through_published_views(owner: psycopg.Connection) -> None:
    rows = owner.execute(
        """
        SELECT DISTINCT grantee, table_schema || '.' || table_name
        FROM information_schema.role_table_grants
        WHERE grantee IN (SELECT nspname FROM pg_namespace) AND grantee <> table_schema
          AND table_schema NOT IN ('platform', 'pg_catalog', 'information_schema', 'commerce')
          AND table_name NOT LIKE 'pub\\_%'
          AND NOT (table_schema = 'admin' AND privilege_type = 'INSERT')
        ORDER BY 1, 2
        """
    ).fetchall()
    # Staff sign in through identity (docs/decisions/0006), which therefore reads who they are and what they may.
    assert rows == [("identity", "admin.admin_roles"), ("identity", "admin.admins")]
