"""Addresses are believed by their own checksums."""

import pytest
from Cryptodome.Hash import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.chain_addresses import NOBODYS, Network, is_address, is_evm, is_tron, keccak256

TRON = ["TNPeeaaFB7K9cmo4uQpcU32zGK8G1NYqeL", "TVj7RNVHy6thbM7BWdSe9G6gXwKhjhdNZS"]
# The examples of EIP-55.
EVM = [
    "0x52908400098527886E0F7030069857D2E4169EE7", "0xde709f2102306220921060314715629080e2fb77",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]  # fmt: skip


@settings(max_examples=60)
@given(st.binary(max_size=300) | st.sampled_from([bytes(135), bytes(136), bytes(271), bytes(272)]))
def test_keccak_is_what_another_implementation_says(data: bytes) -> None:
    assert keccak256(data) == keccak.new(digest_bits=256, data=data).digest()


@pytest.mark.parametrize("address", TRON)
def test_a_tron_address_with_any_character_changed_is_refused(address: str) -> None:
    assert is_tron(address)
    assert is_address("TRC20", address)
    for position in range(1, len(address)):
        other = "a" if address[position] != "a" else "b"
        assert not is_tron(address[:position] + other + address[position + 1 :])
    assert not is_tron(address[:-1])
    assert not is_tron(address + "1")


@pytest.mark.parametrize("address", EVM)
def test_an_evm_address_counts_with_the_case_of_its_checksum_only(address: str) -> None:
    assert is_evm(address)
    assert is_address("BEP20", address)
    for position in range(2, len(address)):
        if address[position].isalpha():
            assert not is_evm(address[:position] + address[position].swapcase() + address[position + 1 :])
    assert not is_evm(address[2:])
    assert not is_evm(address[:-1] + "g")


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("ERC20", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"),
        ("ERC20", TRON[0]),
        ("TRC20", EVM[0]),
        ("TRC20", "T" + "1" * 33),
        ("TRC20", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"),
        ("ERC20", "0x"),
        *(("TRC20" if address.startswith("T") else "ERC20", address) for address in sorted(NOBODYS)),
    ],
)
def test_where_nobody_can_be_paid_is_refused(network: Network, address: str) -> None:
    assert not is_address(network, address)


def test_nobodys_addresses_are_refused_for_what_they_are() -> None:
    assert all(is_tron(address) or is_evm(address) for address in NOBODYS)
