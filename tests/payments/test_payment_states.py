"""The page of states says what the code does."""

from infra.payment_states import FILE, drawn


def test_the_page_is_what_the_table_says() -> None:
    assert FILE.read_text() == drawn(), "run python -m infra.payment_states"
