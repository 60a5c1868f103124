"""Agreements that subscriptions publishes for debits (`subscriptions.pub_agreements`): how their numbers are sealed."""


def number_context(external_no: str) -> dict[str, str]:
    """What the vendor's number of an agreement is bound to: the number we gave it. See `shared.crypto`."""
    return {"table": "payment_agreements", "external_no": external_no}
