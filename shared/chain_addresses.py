"""Addresses of TRON, Ethereum and BSC: whether one is what somebody meant to write, by its own checksum."""

import hashlib
from typing import Final, Literal

Network = Literal["TRC20", "ERC20", "BEP20"]

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_TRON: Final = 0x41
_TRON_CHARACTERS, _TRON_BYTES, _CHECK_BYTES = 34, 25, 4
_EVM_DIGITS: Final = 40

NOBODYS: Final = frozenset(
    {
        "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        "0xdAC17F958D2ee523a2206206994597C13D831ec7",
        "0x55d398326f99059fF775485246999027B3197955",
        "0x0000000000000000000000000000000000000000",
        "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb",
    }
)
"""The contracts of USDT and the zero addresses: whoever sends there has lost it."""


def is_address(network: Network, text: str) -> bool:
    """Whether somebody can be paid at an address of the network. One without a checksum (EVM, all lower case) is refused."""
    return (is_tron(text) if network == "TRC20" else is_evm(text)) and text not in NOBODYS


def is_tron(text: str) -> bool:
    """Base58check of 0x41 and 20 bytes: `T…`, 34 characters."""
    if len(text) != _TRON_CHARACTERS or not set(text) <= set(_ALPHABET):
        return False
    number = 0
    for character in text:
        number = number * 58 + _ALPHABET.index(character)
    if number >= 1 << (8 * _TRON_BYTES):
        return False
    raw = number.to_bytes(_TRON_BYTES, "big")
    payload, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    return payload[0] == _TRON and hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:_CHECK_BYTES] == check


def is_evm(text: str) -> bool:
    """`0x` and 40 digits whose case is right (EIP-55)."""
    digits = text[2:]
    if text[:2] != "0x" or len(digits) != _EVM_DIGITS or not set(digits) <= set("0123456789abcdefABCDEF"):
        return False
    marks = keccak256(digits.lower().encode()).hex()
    return digits == "".join(
        digit.upper() if int(mark, 16) > 7 else digit  # noqa: PLR2004 - the upper half of a hex digit
        for digit, mark in zip(digits.lower(), marks, strict=False)
    )


_RATE: Final = 136
_MASK: Final = (1 << 64) - 1


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it, which is not SHA3-256: the padding differs. For short texts."""
    padded = data + b"\x01" + bytes(-(len(data) + 2) % _RATE) + b"\x80"
    if len(data) % _RATE == _RATE - 1:
        padded = data + b"\x81"
    state = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            state[lane] ^= int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], "little")
        _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _permute(state: list[int]) -> None:
    """Keccak-f[1600]; lane (x, y) is `state[x + 5 * y]`."""
    constant = 1
    for _ in range(24):
        parity = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
        for x in range(5):
            turned = parity[(x - 1) % 5] ^ _rotated(parity[(x + 1) % 5], 1)
            for y in range(0, 25, 5):
                state[x + y] ^= turned
        x, y, carried = 1, 0, state[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            carried, state[x + 5 * y] = state[x + 5 * y], _rotated(carried, (step + 1) * (step + 2) // 2 % 64)
        for row in range(0, 25, 5):
            lanes = state[row : row + 5]
            for x in range(5):
                state[row + x] = lanes[x] ^ (~lanes[(x + 1) % 5] & _MASK & lanes[(x + 2) % 5])
        for bit in range(7):
            if constant & 1:
                state[0] ^= 1 << ((1 << bit) - 1)
            constant = (constant << 1) ^ (0x171 if constant & 0x80 else 0)


def _rotated(lane: int, by: int) -> int:
    return ((lane << by) | (lane >> (64 - by))) & _MASK if by else lane
