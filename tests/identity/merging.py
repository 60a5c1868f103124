"""Two accounts of one person, and what a merge did to them: for the tests of merging."""

from collections.abc import Callable
from typing import Any

from functions.identity import merge
from tests.fixtures.api import Api, Reply
from tests.fixtures.postgres import House

OTHERS_PASSWORD = "battery staple 2"


class Two:
    """`keep` is signed in; `drop` is the account to be merged into it."""

    def __init__(self, api: Api, house: House, register: Callable[..., dict[str, Any]]) -> None:
        self.api, self.house = api, house
        kept = register(email="keep@example.com", display_name="Keep", username="keeper")
        dropped = register(email="drop@example.com", display_name="Drop", username="dropped", password=OTHERS_PASSWORD)
        self.token, self.keep = str(kept["access_token"]), int(kept["user"]["user_id"])
        self.other_token, self.drop = str(dropped["access_token"]), int(dropped["user"]["user_id"])

    def start(self, **body: Any) -> Reply:
        """Ask for the merge; unless said otherwise, by the other account's password."""
        body = {"account": "drop@example.com"} | ({} if "code" in body else {"password": OTHERS_PASSWORD}) | body
        return self.api.post("/users/merge", body, token=self.token)

    def open(self) -> int:
        """A merge that was started."""
        started = self.start()
        assert started.status == 200, started.text
        return int(started.data["merge_id"])

    def confirm(self, merge_id: int, *, token: str | None = None, key: str = "k", **choices: str) -> Reply:
        """Confirm it."""
        return self.api.post(
            f"/users/merge/{merge_id}/confirm",
            {"choices": choices},
            token=token or self.token,
            headers={"idempotency-key": key},
        )

    def merge(self, **choices: str) -> int:
        """All the way."""
        merge_id = self.open()
        done = self.confirm(merge_id, **choices)
        assert done.status == 200, done.text
        return merge_id

    def undo(self, merge_id: int, *, token: str | None = None) -> Reply:
        """Undo it."""
        return self.api.post(f"/users/merge/{merge_id}/undo", None, token=token or self.token)

    def user(self, uid: int, column: str) -> Any:
        """A column of an account."""
        return self.house.sql(f"SELECT {column} FROM identity.users WHERE uid = %s", (uid,))[0][0]

    def snapshot(self) -> dict[str, Any]:
        """All of both accounts that a merge may touch, but for times of change and what signing out leaves."""
        found: dict[str, Any] = {}
        for table, key, without in TABLES:
            rows = self.house.sql(
                f"SELECT to_jsonb(t) - %s::text[] FROM {table} t WHERE {key} ORDER BY 1",
                (list(without), [self.keep, self.drop]),
            )
            found |= {f"{table} {at} {name}": value for at, (row,) in enumerate(rows) for name, value in row.items()}
        return found


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs between two snapshots."""
    names = before.keys() | after.keys()
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


TABLES = (
    ("identity.users", "uid = ANY(%s)", ("updated_at",)),
    ("identity.authors", "user_id IN (SELECT id FROM identity.users WHERE uid = ANY(%s))", ("updated_at",)),
    ("identity.user_profiles", "uid = ANY(%s)", ("updated_at",)),
    ("identity.user_auth", "uid = ANY(%s)", ("updated_at", "token_epoch", "recent_addresses")),
    ("identity.user_oauth", "uid = ANY(%s)", ("updated_at",)),
    ("identity.user_devices", "uid = ANY(%s)", ()),
    ("identity.user_roles", "uid = ANY(%s)", ()),
    ("identity.user_consents", "uid = ANY(%s)", ()),
    ("identity.user_verifications", "uid = ANY(%s)", ("updated_at", "real_name", "id_number")),
)

HANDLER = merge.handler
