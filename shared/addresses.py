"""Network addresses and the lists they may stand in."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network


def is_allowed(ip: str, networks: Sequence[str]) -> bool:
    """Whether an address is in the allow-list of operators; an empty list allows all (rules.md §17)."""
    if not networks:
        return True
    try:
        return any(ip_address(ip) in _network(one) for one in networks)
    except ValueError:
        return False


@lru_cache(maxsize=256)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text, strict=False)
