from concurrent.futures import ThreadPoolExecutor

import psycopg

from functions.media import store
from functions.media.models import Declared
from shared import clock
from shared.sql.connection import connect

OWNER = 100001
FILE = Declared("a.mp4", "video/mp4", "video", 60, None, "private", None)


def test_of_eight_uploads_at_once_only_as_many_are_taken_as_the_quota_holds(fresh_database):
    def announce(_):
        with connect(fresh_database("media")) as db, db.transaction():
            return store.announce(db, OWNER, FILE, name="a.mp4", quota=100, at=clock.now()).media_id

    with ThreadPoolExecutor(8) as threads:
        taken = [media_id for media_id in threads.map(announce, range(8)) if media_id is not None]

    with psycopg.connect(fresh_database()) as db:
        assert db.execute("SELECT media_id FROM media.media_files").fetchall() == [(taken[0],)]
        assert db.execute("SELECT used_bytes FROM media.media_usage").fetchone() == (60,)
    assert len(taken) == 1


def test_of_eight_inspections_at_once_one_makes_the_file_ready(fresh_database):
    with connect(fresh_database("media")) as db:
        media_id = store.announce(db, OWNER, FILE, name="a.mp4", quota=100, at=clock.now()).media_id or 0
    variant = {"name": "w320", "s3_key": "r/1", "format": "webp", "width": 320, "height": 20, "size": 5}

    def settle(number):
        with connect(fresh_database("media")) as db, db.transaction():
            if number % 2:
                return store.reject(db, media_id, "type_mismatch", None, clock.now())
            return store.accept(
                db,
                media_id,
                detected_type="video/mp4",
                checksum_sha256="0" * 64,
                metadata={},
                variants=[variant],
                at=clock.now(),
            )

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(settle, range(8))) == 1

    with psycopg.connect(fresh_database()) as looking:
        ((status, variants, used),) = looking.execute(
            """
            SELECT status, (SELECT count(*) FROM media.media_variants), (SELECT used_bytes FROM media.media_usage)
            FROM media.media_files
            """
        ).fetchall()
    assert (status, variants, used) in {("ready", 1, 60), ("rejected", 0, 0)}
