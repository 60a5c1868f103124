"""`make psql`: an interactive session on the running laptop cloud's database, as its owner."""

import subprocess
import sys

from infra.local.command import exit_code
from infra.local.postgres import Postgres
from infra.local.settings import Local, Unusable


def main() -> None:
    """Run psql; raises Unusable when the database is not running."""
    postgres = Postgres(Local.from_environment())
    if not postgres.answers():
        message = "PostgreSQL is not running: start it with `make run`"
        raise Unusable(message)
    subprocess.run([postgres.binaries / "psql", postgres.dsn(user="postgres"), *sys.argv[1:]], check=False)


if __name__ == "__main__":
    sys.exit(exit_code(main))
