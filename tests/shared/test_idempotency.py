"""An Idempotency-Key: one effect, one answer, however often and however parallel it is sent."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest

from shared import clock
from shared.errors import IdempotencyConflict
from shared.http.envelope import Answer
from shared.http.idempotency import Once, Replay
from shared.sql.connection import connect
from tests.fixtures.api import Api
from tests.shared.things import Thing, handler


@pytest.fixture
def things(api) -> Api:
    made: Api = api(handler, "platform")
    return made


def made(house) -> int:
    return int(house.sql("SELECT count(*) FROM platform.processed_events WHERE consumer = 'things'")[0][0])


def test_a_repeated_key_gets_the_first_answer(things: Api, house, sign_in) -> None:
    token = sign_in(100001)
    first = things.post("/things/make", {"name": "x"}, token=token, headers={"Idempotency-Key": "k"})
    again = things.post("/things/make", {"name": "x"}, token=token, headers={"Idempotency-Key": "k"})
    assert (again.status, again.text) == (201, first.text)
    assert again.headers["idempotent-replay"] == "true"
    assert made(house) == 1


def test_another_body_under_the_key_is_refused(things: Api, house, sign_in) -> None:
    token = sign_in(100001)
    things.post("/things/make", {"name": "x"}, token=token, headers={"Idempotency-Key": "k"})
    reply = things.post("/things/make", {"name": "y"}, token=token, headers={"Idempotency-Key": "k"})
    assert reply.error == (409, "idempotency_conflict")
    assert made(house) == 1


def test_a_key_belongs_to_one_user(things: Api, house, sign_in) -> None:
    for uid, name in ((1, "x"), (2, "y")):
        reply = things.post("/things/make", {"name": name}, token=sign_in(uid), headers={"Idempotency-Key": "k"})
        assert reply.data == {"name": name}
    assert made(house) == 2


def test_a_failed_request_leaves_the_key_free(things: Api, house, sign_in) -> None:
    token = sign_in(1)
    house.sql("INSERT INTO platform.processed_events VALUES ('things', 'x', now())")
    failed = things.post("/things/make", {"name": "x"}, token=token, headers={"Idempotency-Key": "k"})
    assert failed.status == 500
    house.sql("DELETE FROM platform.processed_events")
    assert things.post("/things/make", {"name": "x"}, token=token, headers={"Idempotency-Key": "k"}).status == 201


@pytest.mark.parametrize("key", ["", "k" * 129])
def test_a_key_has_1_to_128_characters(things: Api, sign_in, key: str) -> None:
    reply = things.post("/things/make", {"name": "x"}, token=sign_in(1), headers={"Idempotency-Key": key})
    assert reply.error == (422, "validation_error")


def _use(key: str, body: bytes = b"{}") -> Once:
    context = SimpleNamespace(method="POST", path="/p", body=body)
    return Once(SimpleNamespace(scope={"house": context}), key)  # type: ignore[arg-type]


def test_after_a_day_the_key_is_new(fresh_database) -> None:
    caller = SimpleNamespace(uid=1)
    with connect(fresh_database("platform")) as db:
        once = _use("k")
        once.claim(db, caller)  # type: ignore[arg-type]
        once.keep(db, Answer[Thing](data=Thing(name="first")), 201)
        with pytest.raises(Replay):
            _use("k").claim(db, caller)  # type: ignore[arg-type]
        with clock.frozen(clock.now() + timedelta(hours=25)):
            _use("k", b"other").claim(db, caller)  # type: ignore[arg-type]
        with pytest.raises(IdempotencyConflict):
            _use("k").claim(db, caller)  # type: ignore[arg-type]


def test_eight_at_once_have_one_effect_and_one_answer(fresh_database) -> None:
    dsn = fresh_database("platform")

    def ask(number: int) -> str:
        with connect(dsn) as db:
            once = _use("same")
            try:
                with db.transaction():
                    once.claim(db, SimpleNamespace(uid=1))  # type: ignore[arg-type]
                    db.execute("INSERT INTO platform.processed_events VALUES ('race', %s, now())", (str(number),))
                    return once.keep(db, Answer[Thing](data=Thing(name=str(number)))).model_dump_json()
            except Replay as replay:
                return replay.body

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(8)))
    assert len(answers) == 1
    with connect(dsn) as db:
        assert db.execute("SELECT count(*) FROM platform.processed_events").fetchone() == (1,)
