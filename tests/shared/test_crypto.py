"""Personal data at rest: bound to its row, unreadable when changed, masked wherever it shows."""

import pytest

from shared import crypto, observe
from shared.crypto import Undecipherable, decrypt, encrypt

ROW = {"table": "user_verifications", "uid": "100001"}


def test_what_was_encrypted_is_read_back_in_its_own_row_only(cloud) -> None:
    stored = encrypt("11010519491231002X", ROW)
    assert "1101" not in stored
    assert decrypt(stored, ROW) == "11010519491231002X"
    with pytest.raises(Undecipherable):
        decrypt(stored, ROW | {"uid": "100002"})


def test_equal_values_look_different(cloud) -> None:
    assert encrypt("same", ROW) != encrypt("same", ROW)


def test_any_change_is_noticed(cloud) -> None:
    stored = encrypt("secret", ROW)
    for position in range(3, len(stored), 7):
        changed = stored[:position] + ("A" if stored[position] != "A" else "B") + stored[position + 1 :]
        with pytest.raises(Undecipherable):
            decrypt(changed, ROW)


@pytest.mark.parametrize(
    ("masked", "shown"),
    [
        (crypto.mask_phone("+8613812345678"), "+86138****5678"),
        (crypto.mask_id_number("11010519491231002X"), "110***********002X"),
        (crypto.mask_account("6222021234567890"), "****7890"),
        (crypto.mask_account("wang@example.com"), "w***@example.com"),
        (crypto.mask_name("王小明"), "王**"),
    ],
)
def test_masks(masked: str, shown: str) -> None:
    assert masked == shown


def test_logs_hide_secrets_and_personal_data() -> None:
    masked = observe.mask(
        {"password": "hunter2", "note": "call 13812345678 or wang@example.com", "deep": [{"Authorization": "Bearer x"}]}
    )
    assert "hunter2" not in str(masked)
    assert "Bearer" not in str(masked)
    assert masked["note"] == "call 138****5678 or w***@example.com"
