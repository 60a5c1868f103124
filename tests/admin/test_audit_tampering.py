"""Somebody owns the database, with every trigger off. Whatever he does to what was sealed and anchored, it shows."""

import hashlib
import json
from datetime import timedelta

import pytest

from functions.admin.store.audit_chains import ACTIONS, CHAINS, OPERATIONS
from shared.sql.sealing import Chain, seal
from tests.admin.audit import Archive

SEALED = 12

LATER = {
    "id": "id + 1000",
    "tx": "(tx::text::bigint - 1)::text::xid8",
    "created_at": "created_at + interval '1 microsecond'",
    "result": "'failed'",
    "details": """details || '{"more": 1}'""",
    "action_details": "action_details - 'after'",
}
"""How each column may be changed; the others are text or numbers, and get something after them."""


def columns(table: str) -> list[str]:
    """As the migration has them; the test below holds the list against the database."""
    told = {
        "admin.admin_operation_logs": "id admin_uid operation resource_type resource_id details ip_address user_agent result"
        " error_message created_at tx",
        "admin.operator_audit_logs": "id operator_id action_type target_type target_id action_details ip_address user_agent"
        " created_at tx",
    }
    return told[table].split()


EVERY_COLUMN = [
    pytest.param(chain, column, id=f"{chain.name}.{column}") for chain in CHAINS for column in columns(chain.table)
]


@pytest.fixture
def kept(archive: Archive) -> Archive:
    """Twelve rows in each log, in three blocks, all anchored."""
    for _ in range(3):
        archive.write(SEALED // 3)
        archive.seal()
        archive.at += timedelta(minutes=1)
    archive.anchor()
    verdict = archive.verify()
    assert (verdict.valid, verdict.checked, verdict.first_broken_id) == (True, 2 * SEALED, None)
    return archive


def test_no_column_is_forgotten(archive: Archive) -> None:
    for chain in CHAINS:
        schema, table = chain.table.split(".")
        found = archive.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s", (schema, table)
        )
        assert {name for (name,) in found} == set(columns(chain.table))


@pytest.mark.parametrize(("chain", "column"), EVERY_COLUMN)
def test_changing_any_column_of_any_row_shows_in_that_row(kept: Archive, chain: Chain, column: str) -> None:
    numbers = column in {"admin_uid", "operator_id", "resource_id", "target_id"}
    new = LATER.get(column, f"{column} + 1" if numbers else f"concat({column}, 'x')")
    for which in range(1, SEALED + 1):
        with kept.undone():
            kept.sql(f"UPDATE {chain.table} SET {column} = {new} WHERE id = %s", (which,))
            verdict = kept.verify()
        assert not verdict.valid
        assert verdict.first_broken_id == which
        assert [log for log, proof in verdict.proofs.items() if not proof.holds] == [chain.name]


def test_nothing_is_not_the_same_as_empty(kept: Archive) -> None:
    for chain in CHAINS:
        for column in ("ip_address", "user_agent"):
            for new in ("NULL", "''"):
                with kept.undone():
                    kept.sql(f"UPDATE {chain.table} SET {column} = {new} WHERE id = 3")
                    assert kept.verify().first_broken_id == 3


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_a_row_that_was_deleted_is_missed(kept: Archive, chain: Chain) -> None:
    for which in range(1, SEALED + 1):
        with kept.undone():
            kept.sql(f"DELETE FROM {chain.table} WHERE id = %s", (which,))
            assert kept.verify().first_broken_id == which


def test_a_row_deleted_with_its_seal_is_missed_by_its_neighbour(kept: Archive) -> None:
    kept.sql("DELETE FROM admin.admin_operation_logs WHERE id = 6")
    kept.sql("DELETE FROM admin.admin_operation_seals WHERE id = 6")
    verdict = kept.verify()
    assert verdict.first_broken_id == 7
    assert [fault.what for fault in verdict.proofs["admin_operation_logs"].faults] == ["rows are as they were sealed"]


def test_a_row_slipped_in_among_sealed_ones_shows(kept: Archive) -> None:
    kept.sql(
        """
        INSERT INTO admin.admin_operation_logs (id, admin_uid, operation, resource_type, result, created_at, tx)
        OVERRIDING SYSTEM VALUE SELECT 500, admin_uid, operation, resource_type, result, created_at, tx
        FROM admin.admin_operation_logs WHERE id = 5
        """
    )
    verdict = kept.verify()
    assert (verdict.valid, verdict.first_broken_id) == (False, 500)
    kept.sql(
        "INSERT INTO admin.admin_operation_seals SELECT 500, 2, 500, hash FROM admin.admin_operation_seals WHERE id = 5"
    )
    assert kept.verify().first_broken_id == 500, "a seal of its own does not help it"


def test_a_row_doubled_under_its_own_number_shows(kept: Archive) -> None:
    kept.sql(
        """
        INSERT INTO admin.admin_operation_logs (id, admin_uid, operation, resource_type, result, created_at, tx)
        OVERRIDING SYSTEM VALUE SELECT id, admin_uid, 'other', resource_type, result, created_at + interval '1 s', tx
        FROM admin.admin_operation_logs WHERE id = 5
        """
    )
    assert kept.verify().first_broken_id == 5


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_two_rows_that_were_swapped_show(kept: Archive, chain: Chain) -> None:
    for old, new in ((4, 999), (9, 4), (999, 9)):
        kept.sql(f"UPDATE {chain.table} SET id = %s WHERE id = %s", (new, old))
    proof = kept.verify().proofs[chain.name]
    assert proof.first_broken_id == 4
    assert [fault.places for fault in proof.faults] == [2]


def test_two_seals_that_were_swapped_show(kept: Archive) -> None:
    for old, new in ((4, 999), (9, 4), (999, 9)):
        kept.sql("UPDATE admin.operator_audit_seals SET id = %s WHERE id = %s", (new, old))
    proof = kept.verify().proofs["operator_audit_logs"]
    assert ("rows are as they were sealed", 2) in [(fault.what, fault.places) for fault in proof.faults]
    assert proof.first_broken_id == 4, "not the first row of the block that ends with it"


@pytest.mark.parametrize(
    "change",
    [
        "block_no = block_no + 10",
        "first_seq = first_seq + 1",
        "row_count = row_count - 1",
        "row_count = row_count + 1",
        "first_id = first_id + 1",
        "last_id = last_id - 1",
        "last_tx = (last_tx::text::bigint + 1)::text::xid8",
        "first_at = first_at - interval '1 day'",
        "last_at = last_at + interval '1 day'",
        "sealed_at = sealed_at - interval '1 second'",
        "prev_hash = sha256(prev_hash)",
        "hash = sha256(hash)",
        "log = 'operator_audit_logs', block_no = 77, first_seq = 999",
    ],
)
def test_changing_a_block_shows(kept: Archive, change: str) -> None:
    for which in (1, 2, 3):
        with kept.undone():
            kept.sql(
                f"UPDATE admin.audit_blocks SET {change} WHERE log = 'admin_operation_logs' AND block_no = %s", (which,)
            )
            verdict = kept.verify()
        assert not all(proof.holds for proof in verdict.proofs.values())


@pytest.mark.parametrize("which", [1, 2, 3])
@pytest.mark.parametrize("with_its_seals", [False, True])
def test_a_block_that_was_deleted_shows(kept: Archive, which: int, with_its_seals: bool) -> None:
    if with_its_seals:
        kept.sql("DELETE FROM admin.admin_operation_seals WHERE block_no = %s", (which,))
    kept.sql("DELETE FROM admin.audit_blocks WHERE log = 'admin_operation_logs' AND block_no = %s", (which,))
    proof = kept.verify().proofs["admin_operation_logs"]
    if which == 3 and with_its_seals:
        assert proof.holds, "rows that were never sealed look like this, so the anchor has to tell"
        assert not kept.verify().valid
    else:
        assert not proof.holds


def test_a_block_written_anew_in_the_middle_shows_at_its_successor(kept: Archive) -> None:
    """Rows, seals and block of the second block fit one another; only the third remembers another hash."""
    for table, block in (
        ("admin_operation_seals", "block_no"),
        ("audit_blocks", "log = 'admin_operation_logs' AND block_no"),
    ):
        kept.sql(f"CREATE TABLE public.{table} AS SELECT * FROM admin.{table} WHERE {block} = 3")
        kept.sql(f"DELETE FROM admin.{table} WHERE {block} >= 2")
    kept.sql("UPDATE admin.admin_operation_logs SET admin_uid = 8 WHERE id = 6")
    with kept.owner.transaction():
        assert seal(kept.owner, OPERATIONS, kept.at, most=SEALED // 3) == SEALED // 3
    for table in ("admin_operation_seals", "audit_blocks"):
        kept.sql(f"INSERT INTO admin.{table} SELECT * FROM public.{table}")
    proof = kept.verify().proofs["admin_operation_logs"]
    assert [(fault.what, fault.places, fault.first_id) for fault in proof.faults] == [("blocks follow one another", 1, 9)]


def test_the_beginning_cut_off_shows(kept: Archive) -> None:
    kept.sql("DELETE FROM admin.admin_operation_logs WHERE id <= 4")
    kept.sql("DELETE FROM admin.admin_operation_seals WHERE id <= 4")
    kept.sql("DELETE FROM admin.audit_blocks WHERE log = 'admin_operation_logs' AND block_no = 1")
    assert not kept.verify().proofs["admin_operation_logs"].holds


def cut(archive: Archive, chain: Chain, block_no: int) -> None:
    """Take away everything from a block on: rows, seals, blocks; what is left is a chain as it once was."""
    archive.sql(f"DELETE FROM {chain.table} r USING {chain.seals} s WHERE s.id = r.id AND s.block_no >= %s", (block_no,))
    archive.sql(f"DELETE FROM {chain.seals} WHERE block_no >= %s", (block_no,))
    archive.sql("DELETE FROM admin.audit_blocks WHERE log = %s AND block_no >= %s", (chain.name, block_no))


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
@pytest.mark.parametrize("block_no", [1, 2, 3])
def test_the_newest_rows_cut_off_cleanly_show_by_the_anchor(kept: Archive, chain: Chain, block_no: int) -> None:
    cut(kept, chain, block_no)
    verdict = kept.verify()
    assert verdict.proofs[chain.name].holds, "the chain that is left follows from its beginning"
    assert not verdict.valid
    assert verdict.first_broken_id == SEALED


def test_the_cut_still_shows_after_more_was_written_sealed_and_anchored(kept: Archive) -> None:
    cut(kept, OPERATIONS, 3)
    kept.write(6)
    kept.seal()
    kept.anchor()
    verdict = kept.verify()
    assert all(proof.holds for proof in verdict.proofs.values())
    assert verdict.off_anchor is not None
    assert verdict.off_anchor.places == 1


def test_a_chain_written_anew_from_the_first_row_shows_by_the_anchor(kept: Archive) -> None:
    kept.sql("UPDATE admin.admin_operation_logs SET admin_uid = 8 WHERE id = 2")
    kept.forge()
    verdict = kept.verify()
    assert all(proof.holds for proof in verdict.proofs.values()), "by itself it is perfect"
    assert not verdict.valid
    kept.anchor()
    assert not kept.verify().valid, "an anchor of the forgery beside the true one does not help"


def test_an_untouched_chain_sealed_anew_shows_too(kept: Archive) -> None:
    """The time of sealing is in the blocks: one who rebuilds them cannot say when."""
    kept.forge()
    assert not kept.verify().valid


def test_what_is_not_detected_is_what_the_page_says(kept: Archive) -> None:
    """docs/audit.md: the last minute before its seal, and the last five before their anchor."""
    kept.write(2)
    kept.sql("DELETE FROM admin.admin_operation_logs WHERE id > %s", (SEALED,))
    assert kept.verify().valid, "nobody has seen them yet"
    kept.seal()
    cut(kept, ACTIONS, 4)
    assert kept.verify().valid, "sealed, but not anchored"


def test_the_canonical_rows_are_those_of_the_page(archive: Archive) -> None:
    """docs/audit.md, member by member: anyone with a copy of the tables can prove them without our code."""
    archive.write()
    archive.seal()
    for log, seals, members in (
        (
            "admin_operation_logs",
            "admin_operation_seals",
            """id, tx::text, admin_uid, operation, resource_type, resource_id, details, ip_address, user_agent, result,
            error_message""",
        ),
        (
            "operator_audit_logs",
            "operator_audit_seals",
            "id, tx::text, operator_id, action_type, target_type, target_id, action_details, ip_address, user_agent",
        ),
    ):
        ((*row, found),) = archive.sql(f"SELECT {members}, s.hash FROM admin.{log} JOIN admin.{seals} s USING (id)")
        text = json.dumps([log, *row, archive.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")], ensure_ascii=False)
        assert hashlib.sha256(bytes(32) + text.encode()).digest() == found, text
