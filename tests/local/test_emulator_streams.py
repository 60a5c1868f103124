"""Table streams of the real emulator: a batch whose reader reports a failure comes again, also after a restart."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.local.settings import Local
from tests.local.test_emulator import ROLE, Running, local, running
from tests.local.waiting import eventually

__all__ = ["local"]

READER = """
import json, os, urllib.request

def handler(event, context):
    seen = [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]
    with open(os.environ["SEEN"], "a") as file:
        file.write(json.dumps([record["eventID"] for record in event["Records"]] + seen) + chr(10))
    print("seen", seen)
    if os.path.exists(os.environ["BROKEN"]):
        return {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}
"""


def code() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:
        bundle.writestr("reader.py", READER)
    return packed.getvalue()


def put(emulator: Running, name: str) -> None:
    emulator.aws("dynamodb").put_item(TableName="watched", Item={"pk": {"S": name}})


def build(emulator: Running, folder: Path) -> None:
    table = emulator.aws("dynamodb").create_table(
        TableName="watched",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    emulator.aws("lambda").create_function(
        FunctionName="reader",
        Runtime="python3.13",
        Role=ROLE,
        Handler="reader.handler",
        Code={"ZipFile": code()},
        Environment={"Variables": {"SEEN": str(folder / "seen"), "BROKEN": str(folder / "broken")}},
    )
    emulator.aws("lambda").create_event_source_mapping(
        EventSourceArn=table["LatestStreamArn"],
        FunctionName="reader",
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "reader"
    made.mkdir()
    return made


def batches(folder: Path) -> list[Any]:
    file = folder / "seen"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_what_a_reader_reports_as_failed_comes_again(local: Local, folder: Path) -> None:
    (folder / "broken").touch()
    with running(local) as emulator:
        build(emulator, folder)
        put(emulator, "a")
        assert eventually(lambda: len(batches(folder)) > 1)
        assert len({tuple(batch) for batch in batches(folder)}) == 1
        (folder / "broken").unlink()
        done = len(batches(folder))
        assert eventually(lambda: len(batches(folder)) > done)
        put(emulator, "b")
        assert eventually(lambda: batches(folder)[-1][-1] == "b")
        assert len(batches(folder)[-1]) == 2


def test_a_stream_goes_on_after_a_restart(local: Local, folder: Path) -> None:
    with running(local) as emulator:
        build(emulator, folder)
        for name in ("a", "b", "c"):
            put(emulator, name)
        assert eventually(lambda: batches(folder) and batches(folder)[-1][-1] == "c")
    with running(local) as emulator:
        put(emulator, "d")
        assert eventually(lambda: batches(folder)[-1][-1] == "d")
