"""`make bench`: measure every budget, print the table, write `build/bench.json`; the exit code says whether all held."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import audit, books, credentials, feed, ledger, notices, reconciliation, requests, settlement
from tests.bench.measure import ROOT, Gate


def _feed(dsn: str) -> list[Gate]:
    requests.prepare()
    return feed.bench(dsn)


ON_ONE_DATABASE: dict[str, Callable[[str], list[Gate]]] = {
    "credentials": credentials.bench,
    "feed": _feed,
    "audit": audit.bench,
    "settlement": settlement.bench,
    "reconciliation": reconciliation.bench,
    "books": books.bench,
}
"""In this order; the last one fills the ledger."""


def measure(only: str | None) -> tuple[list[Gate], list[dict[str, Any]]]:
    """All gates, and the rates of the ledger's methods beside each other."""
    gates: list[Gate] = []
    rates: list[dict[str, Any]] = []
    if only in {None, "requests"}:
        gates += [requests.warm(), *requests.cold()]
    if only in {None, "notices"}:
        gates.append(notices.bench())
    if only not in {"requests", "notices"}:
        with feed.server() as dsn:
            os.environ["BENCH_DSN"] = dsn
            if only in {None, "ledger"}:
                rates = ledger.bench(dsn)
                gates += ledger.budgets(rates)
            for name, bench in ON_ONE_DATABASE.items():
                if only in {None, name}:
                    gates += bench(dsn)
    return gates, rates


def show(gates: list[Gate], rates: list[dict[str, Any]]) -> None:
    """Two tables for people."""
    console = Console(width=150)
    table = Table("budget", "measured", "limit", "reference = 1.0", "", "held")
    for gate in gates:
        limit = f"{'≥' if gate.at_least else '≤'} {gate.limit:g}"
        table.add_row(gate.name, f"{gate.value:,.2f}", limit, gate.reference, gate.detail, "yes" if gate.held else "NO")
    console.print(table)
    if rates:
        table = Table("ledger method", "accounts", "connections", "entries/s", "ratio", "reference")
        for row in rates:
            table.add_row(
                row["name"],
                row["accounts"],
                str(row["connections"]),
                f"{row['per_second']:,}",
                f"{row['ratio']:.2f}",
                row["reference"],
            )
        console.print(table)


def main() -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["requests", "notices", "ledger", *ON_ONE_DATABASE])
    gates, rates = measure(parser.parse_args().only)
    show(gates, rates)
    path = Path(ROOT, "build", "bench.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"gates": [asdict(gate) for gate in gates], "ledger": rates}, indent=1) + "\n")
    return 0 if all(gate.held for gate in gates) else 1


if __name__ == "__main__":
    sys.exit(main())
