"""Nothing that names a person is forgotten: every table and every key prefix of the house is declared by its domain."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import psycopg
import pytest

from events.identity import AccountErased, PersonalDataRequested
from infra.manifests import discover
from shared.manifest import Bucket, Function, OnEvent, Table
from shared.personal_data import HOLDERS, Items, Kept, PersonalData, Rows

ROOT = Path(__file__).resolve().parents[2]
NAMES_A_PERSON = re.compile(
    r"(^|_)(uid|uids|user_id|user_ids|author_id|owner_id|creator_id|buyer_id|seller_id|payer_id|payee_id|sender_id|recipient_id"
    r"|admin_id|admin_uid|operator_id|reviewer_id|assignee_id|editor_id|member_id|viewer_id|reporter_id|follower_id"
    r"|followee_id|inviter_id|invitee_id|customer_id|holder_id|actor|email|phone|phone_number|real_name)$"
    r"|_(by|uid)$"
)
OF_NOBODY = {
    "public.alembic_version": "the revision of the schema",
    "subscriptions.promotions": "campaigns of the platform",
    "subscriptions.membership_plans": "what the platform sells",
    "admin.admin_roles": "what roles may do",
    "admin.permissions": "the catalogue of permissions",
    "admin.audit_blocks": "hashes of sealed rows",
    "admin.operator_audit_seals": "hashes of sealed rows",
    "admin.admin_operation_seals": "hashes of sealed rows",
    "content.content_categories": "the tree of categories",
    "content.content_category_map": "which works are in which category",
    "content.content_media": "which files a work shows",
    "content.content_stats": "totals of a work",
    "content.content_tag_map": "which works have which tag",
    "content.content_tags": "words for works",
    "finance.earning_corrections": "which lines of earnings, declared, an adjustment corrects",
    "finance.ledger_entries": "what was posted, named by its reference; whose, say the postings and accounts declared",
    "finance.invoice_counters": "the last number of each year",
    "finance.pool_splits": "months of membership income that were shared",
    "finance.settlement_runs": "runs of the settlement and what they came to",
    "finance.ledger_blocks": "hashes of sealed entries",
    "finance.ledger_seals": "hashes of sealed entries",
    "finance.ledger_days": "sums of the platform's own accounts",
    "finance.ledger_rolled": "how far these sums go",
    "identity.anomaly_marks": "how far each rule has looked",
    "identity.user_count_changes": "how many accounts there are, not yet added up",
    "identity.user_counts": "how many accounts there are",
    "media.media_variants": "renditions of files, found by the file",
    "payments.payment_risk_rules": "what risk control goes by",
    "platform.i18n_locales": "languages",
    "platform.i18n_messages": "sentences of the house",
    "platform.processed_events": "numbers of facts that were heard",
}
"""Tables without a person in them, and what they hold instead."""


def declared() -> dict[str, PersonalData]:
    found = {}
    for manifest in discover():
        path = ROOT / "functions" / manifest.domain / "personal_data.py"
        assert path.exists(), f"functions/{manifest.domain}/personal_data.py is missing: what does it hold of a person?"
        found[manifest.domain] = import_module(f"functions.{manifest.domain}.personal_data").DATA
    return found


ROWS: dict[str, Rows] = {rows.table: rows for data in declared().values() for rows in data.rows}
ITEMS: list[Items] = [items for data in declared().values() for items in data.items]


@pytest.fixture(scope="module")
def columns(postgres) -> Iterator[dict[str, set[str]]]:
    """Every table of every schema, partitions left out, with the columns it has."""
    with psycopg.connect(postgres.dsn(postgres.template)) as db:
        found: dict[str, set[str]] = {}
        for table, column in db.execute(
            """
            SELECT n.nspname || '.' || c.relname, a.attname
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
              AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
            """
        ):
            found.setdefault(table, set()).add(column)
        for table, column in db.execute(
            """
            SELECT n.nspname || '.' || c.relname, a.attname
            FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
            WHERE k.contype = 'f' AND k.confrelid IN ('identity.users'::regclass, 'admin.admins'::regclass)
            """
        ):
            found[table].add(f"{column} → a person")
        yield found


def _persons(columns: set[str]) -> set[str]:
    """The columns that name somebody, by their name or by what they refer to."""
    return {column.removesuffix(" → a person") for column in columns if NAMES_A_PERSON.search(column) or "→" in column}


def test_every_table_is_declared_by_its_domain_or_holds_nobody(columns: dict[str, set[str]]) -> None:
    assert set(columns) == set(ROWS) | set(OF_NOBODY)
    assert not set(ROWS) & set(OF_NOBODY)


def test_every_column_that_names_a_person_is_declared(columns: dict[str, set[str]]) -> None:
    forgotten = {
        f"{table}.{column}"
        for table, names in columns.items()
        for column in _persons(names)
        if table in OF_NOBODY or column not in {*ROWS[table].person, *ROWS[table].deciders, *CONTACTS.get(table, ())}
    }
    assert forgotten == set()


CONTACTS = {
    "identity.users": {"email", "phone_number"},
    "identity.authors": {"email", "phone_number"},
    "identity.user_verifications": {"real_name"},
    "identity.user_oauth": {"provider_user_id"},
    "finance.invoices": {"email"},
}
"""Columns of a person's own row, which are no key to it."""


def test_every_declared_column_is_there(columns: dict[str, set[str]]) -> None:
    for table, rows in ROWS.items():
        assert {*rows.person, *rows.deciders} <= columns[table], table


def test_a_person_is_found_by_the_columns_that_are_declared() -> None:
    for rows in ROWS.values():
        if rows.person and (rows.erase or rows.export):
            said = " ".join((*rows.erase, rows.export or ""))
            assert "%(uid)s" in said, rows.table


def test_every_key_prefix_that_is_written_or_read_is_declared() -> None:
    forgotten = set()
    for manifest in discover():
        for function in manifest.functions:
            for grant in function.grants:
                if not isinstance(grant, Table):
                    continue
                assert grant.key_prefixes, f"{manifest.domain}.{function.name}: name the prefixes of {grant.group}"
                forgotten |= {
                    (grant.group, prefix) for prefix in grant.key_prefixes if not _is_declared(grant.group, prefix)
                }
    assert forgotten == set()


def _is_declared(group: str, prefix: str) -> bool:
    return any(
        items.group == group and (items.prefix == prefix or (items.by_index and items.key.startswith(prefix)))
        for items in ITEMS
    )


def test_every_domain_is_waited_for() -> None:
    assert set(HOLDERS) == {manifest.domain for manifest in discover()}
    assert {name: data.domain for name, data in declared().items()} == {name: name for name in HOLDERS}


@pytest.mark.parametrize("domain", HOLDERS)
def test_every_domain_listens(domain: str) -> None:
    heard = {function.name: function.event for function in _functions(domain) if isinstance(function, OnEvent)}
    assert heard.get("on_personal_data_requested") is PersonalDataRequested
    # Identity erases its own part last, by the workflow that waits for the others.
    assert domain == "identity" or heard.get("on_account_erased") is AccountErased


@pytest.mark.parametrize("domain", HOLDERS)
def test_a_listener_may_do_what_it_declares(domain: str) -> None:
    data, functions = declared()[domain], {function.name: function for function in _functions(domain)}
    exporting = functions["on_personal_data_requested"]
    erasing = functions["finish_erasure" if domain == "identity" else "on_account_erased"]
    assert Bucket("exports", ("write",), "personal/") in exporting.grants
    for items in data.items:
        if items.file:
            assert _may(exporting, items.group, "Query", items.key.split("{", maxsplit=1)[0]), items
        if items.erase or items.erased_by:
            assert _may(erasing, items.group, "Query", items.key.split("{", maxsplit=1)[0]), items
            assert _may(erasing, items.group, "DeleteItem", items.prefix), items
    for objects in data.objects:
        granted = [grant for grant in erasing.grants if isinstance(grant, Bucket) and grant.name == objects.bucket]
        wanted = {"delete", "list"} if objects.below else {"delete"}
        assert wanted <= {access for grant in granted for access in grant.access}, objects


def _functions(domain: str) -> list[Function]:
    return [function for manifest in discover() if manifest.domain == domain for function in manifest.functions]


def _may(function: Function, group: str, action: str, prefix: str) -> bool:
    return any(
        isinstance(grant, Table) and grant.group == group and action in grant.actions and prefix in grant.key_prefixes
        for grant in function.grants
    )


def test_what_is_kept_says_by_what_law_or_for_what_need_and_how_long() -> None:
    holds: list[Kept] = [rows.kept for rows in ROWS.values() if rows.kept] + [items.kept for items in ITEMS if items.kept]
    assert holds
    for kept in holds:
        assert len(kept.reason) > 4
        assert kept.term


def test_everything_is_described_in_both_languages() -> None:
    for data in declared().values():
        described = (
            [rows.what for rows in data.rows] + [items.what for items in data.items] + [it.what for it in data.objects]
        )
        for zh, en in described:
            assert any("一" <= character <= "鿿" for character in zh), en
            assert en, zh
