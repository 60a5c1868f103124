"""Many at once, and crashes, on a database that commits; each thread is an environment with a connection of its own."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import psycopg
import pytest

from functions.identity.gateways import oauth_registry
from functions.identity.models import Client
from functions.identity.providers import Journey, Provider, ProviderAccount, Return
from functions.identity.schemas.oauth import OauthBound, OauthTokens
from functions.identity.service import linked_accounts, oauth
from functions.identity.store import sessions as session_store
from shared.caller import Caller
from shared.errors import Refusal
from shared.settings import Settings
from shared.sql import connection as house_connection
from shared.sql.connection import connect
from shared.sql.edge import unit_of_work
from tests.fixtures.api import open_session
from tests.identity.oauth.conftest import PROVIDERS, forget

T = TypeVar("T")
CLIENT = Client("203.0.113.7", "tests")
pytestmark = pytest.mark.usefixtures("keys")


class Crash(BaseException):
    """The environment is gone."""


class Twin:
    """A provider that knows everybody: the code is the person, and a verified address if there is one."""

    redirect_uris: frozenset[str] = frozenset()

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.crashes = ""

    def authorize_url(self, journey: Journey) -> str:
        return f"https://provider.test/?state={journey.state}"

    def identify(self, journey: Journey, back: Return) -> ProviderAccount:
        if self.crashes:
            raise Crash
        subject, _, email = (back.code or "").partition(" ")
        return ProviderAccount(self.provider, subject, email=email or None, access_token="secret")


@pytest.fixture(autouse=True)
def twins() -> Iterator[dict[str, Twin]]:
    forget()
    made: dict[Any, Twin] = {provider: Twin(provider) for provider in PROVIDERS}  # type: ignore[arg-type]  # they are its members
    oauth_registry._configured.update(made)
    yield made
    forget()


class PerThread(list):  # type: ignore[type-arg]  # what the house keeps its one connection in
    """The connection of an environment, where every thread is one."""

    def __init__(self) -> None:
        super().__init__()
        self._local = threading.local()

    def _own(self) -> list[Any]:
        return self._local.__dict__.setdefault("connections", [])  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return len(self._own())

    def __getitem__(self, index: Any) -> Any:
        return self._own()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._own()[index] = value

    def append(self, value: Any) -> None:
        self._own().append(value)


class World:
    """The database, and people who all press at once."""

    def __init__(self, dsn: Callable[..., str]) -> None:
        self._dsn = dsn

    def run(self, count: int, work: Callable[[int], T]) -> list[T | str]:
        """What each got: its result, or the name of its refusal."""
        barrier = Barrier(count)

        def one(index: int) -> T | str:
            barrier.wait()
            try:
                return work(index)
            except Refusal as refusal:
                return refusal.error
            finally:
                if len(house_connection._open):
                    house_connection._open[0].close()

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """As the owner."""
        with connect(self._dsn()) as db:
            cursor = db.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def totals(self) -> list[int]:
        """How many rows there are of all that belongs to an account."""
        ((*counts,),) = self.sql(
            """
            SELECT (SELECT count(*) FROM identity.users), (SELECT count(*) FROM identity.authors),
                   (SELECT count(*) FROM identity.user_profiles), (SELECT count(*) FROM identity.user_auth),
                   (SELECT count(*) FROM identity.user_roles), (SELECT count(*) FROM identity.user_consents),
                   (SELECT count(*) FROM platform.outbox_events), (SELECT count(*) FROM identity.user_oauth)
            """
        )
        return counts


@pytest.fixture
def world(fresh_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("DATABASE_URL", fresh_database("identity"))
    Settings.forget()
    monkeypatch.setattr(house_connection, "_open", PerThread())
    yield World(fresh_database)
    if len(house_connection._open):
        house_connection._open[0].close()


def begin(provider: Provider, viewer: Caller | None = None) -> str:
    return oauth.begin(provider, "bind" if viewer else "login", None, viewer, CLIENT).state


def back(provider: Provider, state: str, code: str) -> OauthTokens | OauthBound:
    return oauth.finish(provider, Return(state, code), None, CLIENT, "en")


def sign_in(provider: Provider, code: str) -> OauthTokens:
    pair = back(provider, begin(provider), code)
    assert isinstance(pair, OauthTokens)
    return pair


def viewer_of(pair: OauthTokens) -> Caller:
    uid = pair.user.user_id
    open_session(uid)
    session_id = session_store.id_of(session_store.all_of(uid)[0])
    return Caller(uid, session_id, "user", (), (), "en")


def test_eight_first_sign_ins_of_one_person_make_one_account(world: World) -> None:
    got = world.run(8, lambda _: sign_in("google", "ann ann@example.com"))
    pairs = [pair for pair in got if isinstance(pair, OauthTokens)]
    assert len(pairs) == 8, got
    assert len({pair.user.user_id for pair in pairs}) == 1
    assert Counter(pair.is_new_user for pair in pairs) == {True: 1, False: 7}
    assert world.totals() == [1] * 8


def test_eight_first_sign_ins_without_an_address_too(world: World) -> None:
    got = world.run(8, lambda _: sign_in("wechat", "ann"))
    assert Counter(pair.is_new_user for pair in got if isinstance(pair, OauthTokens)) == {True: 1, False: 7}
    assert world.totals() == [1] * 8


def test_two_providers_at_once_for_one_address_make_one_account_with_two_links(world: World) -> None:
    which: list[Provider] = ["google", "apple"]
    got = world.run(8, lambda index: sign_in(which[index % 2], f"{which[index % 2]}-ann ann@example.com"))
    pairs = [pair for pair in got if isinstance(pair, OauthTokens)]
    assert len(pairs) == 8, got
    assert len({pair.user.user_id for pair in pairs}) == 1
    assert world.totals() == [1] * 7 + [2]


def test_eight_people_at_once_make_eight_accounts(world: World) -> None:
    got = world.run(8, lambda index: sign_in("qq", f"person-{index}"))
    assert len({pair.user.user_id for pair in got if isinstance(pair, OauthTokens)}) == 8
    assert world.totals() == [8] * 8


def test_of_eight_returns_with_one_state_one_gets_in(world: World) -> None:
    state = begin("google")
    got = world.run(8, lambda _: back("google", state, "ann"))
    assert Counter("in" if isinstance(one, OauthTokens) else one for one in got) == {"in": 1, "oauth_state_invalid": 7}
    assert world.totals() == [1] * 8


def test_of_eight_accounts_that_bind_one_person_one_does(world: World) -> None:
    viewers = [viewer_of(sign_in("qq", f"person-{index}")) for index in range(8)]
    got = world.run(8, lambda index: back("google", begin("google", viewers[index]), "ann"))
    assert Counter("bound" if isinstance(one, OauthBound) else one for one in got) == {"bound": 1, "oauth_already_bound": 7}
    assert world.sql("SELECT count(*) FROM identity.user_oauth WHERE provider = 'google'") == [(1,)]
    assert world.sql("SELECT count(*) FROM identity.users WHERE google_id IS NOT NULL") == [(1,)]


def test_of_eight_that_take_away_what_is_linked_the_last_is_kept(world: World) -> None:
    viewer = viewer_of(sign_in("qq", "ann"))
    others: list[Provider] = ["wechat", "weibo", "google", "apple"]
    for provider in others:
        back(provider, begin(provider, viewer), "ann")
    everything: list[Provider] = ["qq", *others]

    def take_away(index: int) -> str:
        with unit_of_work() as db:
            linked_accounts.unlink(db, viewer.uid, everything[index % 5])
        return "gone"

    got = Counter(world.run(8, take_away))
    assert got["gone"] == 4
    assert got["last_login_method"] + got["oauth_account_not_found"] == 4
    assert got["last_login_method"] >= 1
    assert world.sql("SELECT count(*) FROM identity.user_oauth") == [(1,)]


def test_a_crash_while_the_provider_is_asked_leaves_nothing_and_the_next_try_works(
    world: World, twins: dict[str, Twin]
) -> None:
    twins["google"].crashes = "asked"
    with pytest.raises(Crash):
        sign_in("google", "ann ann@example.com")
    assert world.totals() == [0] * 8
    twins["google"].crashes = ""
    assert sign_in("google", "ann ann@example.com").is_new_user is True
    assert world.totals() == [1] * 8


TRIGGERS = {
    "when the link is stored": "AFTER INSERT ON identity.user_oauth",
    "when the account is named": "AFTER UPDATE ON identity.users",
    "when the fact is stored": "AFTER INSERT ON platform.outbox_events",
    "at the commit": "AFTER INSERT ON identity.users DEFERRABLE INITIALLY DEFERRED",
}


@pytest.mark.parametrize("moment", TRIGGERS)
def test_a_crash_of_the_database_leaves_nothing_half_and_the_next_try_ends_as_if_undisturbed(
    world: World, moment: str
) -> None:
    world.sql(
        """
        CREATE FUNCTION public.crash() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$
        """
    )
    world.sql(f"CREATE CONSTRAINT TRIGGER crash {TRIGGERS[moment]} FOR EACH ROW EXECUTE FUNCTION public.crash()")
    with pytest.raises(psycopg.OperationalError):
        sign_in("google", "ann ann@example.com")
    assert world.totals() == [0] * 8
    world.sql("DROP FUNCTION public.crash() CASCADE")
    pair = sign_in("google", "ann ann@example.com")
    assert pair.is_new_user is True
    assert world.totals() == [1] * 8
    assert [session_store.id_of(item) for item in session_store.all_of(pair.user.user_id)] == [pair.session_id]
    again = sign_in("google", "ann ann@example.com")
    assert (again.is_new_user, again.user.user_id) == (False, pair.user.user_id)


def test_a_crash_while_a_known_person_comes_in_changes_nothing(world: World) -> None:
    first = sign_in("google", "ann")
    before = world.sql("SELECT last_login_at, updated_at, status FROM identity.users")
    world.sql(
        """
        CREATE FUNCTION public.crash() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$
        """
    )
    world.sql("CREATE TRIGGER crash AFTER UPDATE ON identity.users FOR EACH ROW EXECUTE FUNCTION public.crash()")
    with pytest.raises(psycopg.OperationalError):
        sign_in("google", "ann")
    assert world.sql("SELECT last_login_at, updated_at, status FROM identity.users") == before
    world.sql("DROP FUNCTION public.crash() CASCADE")
    assert sign_in("google", "ann").user.user_id == first.user.user_id
