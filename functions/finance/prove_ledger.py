"""Nightly: the whole ledger proved, the proof kept in S3. What is off wakes a person."""

from functions.finance.service import proof
from shared.schedule import scheduled

handler = scheduled(proof.prove_day, "finance.prove_ledger")
