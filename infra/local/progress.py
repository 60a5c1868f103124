"""What a person sees while the laptop cloud starts: one line per step, and a table at the end."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

WIDEST = 110
"""Columns of the widest table."""


class Progress:
    """Prints steps as they happen: a spinner on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._started = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show the title while the step runs, and how long it took afterwards."""
        started = time.monotonic()
        with self._console.status(title):
            yield
        self._console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - started:.1f} s[/]")

    def note(self, text: str) -> None:
        """One line."""
        self._console.print(text)

    def table(self, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table."""
        table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
        for heading in headings:
            table.add_column(heading, no_wrap=True)
        for row in rows:
            table.add_row(*row)
        # Secrets and addresses are there to be copied: a narrow terminal may wrap them, but nothing cuts them.
        Console(width=max(self._console.width, WIDEST)).print(table)

    def ready(self, url: str) -> None:
        """The last line."""
        seconds = time.monotonic() - self._started
        self._console.print(f"[bold green]Ready[/] after {seconds:.0f} s: {url}   (Ctrl-C stops everything)")
