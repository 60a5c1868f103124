"""The real emulator under our wrapper: it lives by the product's clock, and remembers what it was told."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from infra.local.aws import client
from infra.local.clock import LocalClock
from infra.local.emulator import launch
from infra.local.services import listens
from infra.local.settings import REPOSITORY, Local
from tests.local.waiting import eventually

ROLE = "arn:aws:iam::000000000000:role/any"


@dataclass
class Running:
    """One emulator and its clock."""

    local: Local
    process: "subprocess.Popen[bytes]"

    def aws(self, service: str) -> Any:
        """A client."""
        return client(self.local, service)

    def clock(self) -> LocalClock:
        """What moves the product's time."""
        return LocalClock(self.local.clock)


@contextmanager
def running(local: Local, *, auth: bool = False) -> Iterator[Running]:
    """Start it on the state it left, if any."""
    local.scratch.mkdir(parents=True, exist_ok=True)
    environment = launch.environment(local) | {"AUTH": str(auth), "SCHEDULES_BEGIN_AFTER_SECONDS": "0"}
    with (local.state / "log").open("ab") as log:
        process = subprocess.Popen(
            launch.command(), cwd=REPOSITORY, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        assert eventually(lambda: listens(local.emulator_port)), (local.state / "log").read_text()
        yield Running(local, process)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def local(tmp_path: Path) -> Local:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Local(port=1, emulator_port=port, sandbox_port=1, state=tmp_path)


def queue(emulator: Running) -> str:
    url: str = emulator.aws("sqs").create_queue(QueueName="heard")["QueueUrl"]
    return url


def heard(emulator: Running, url: str) -> list[str]:
    messages = emulator.aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [message["Body"] for message in messages]


def schedule(emulator: Running, name: str, expression: str) -> None:
    emulator.aws("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:sqs:us-east-1:000000000000:heard", "RoleArn": ROLE, "Input": json.dumps({"from": name})},
    )


def waiting_workflow(emulator: Running, wait: dict[str, Any]) -> str:
    definition = {
        "StartAt": "Wait",
        "States": {"Wait": {"Type": "Wait", "Next": "Done", **wait}, "Done": {"Type": "Succeed"}},
    }
    states = emulator.aws("stepfunctions")
    machine = states.create_state_machine(name="waits", definition=json.dumps(definition), roleArn=ROLE)
    arn: str = states.start_execution(stateMachineArn=machine["stateMachineArn"], input="{}")["executionArn"]
    assert eventually(lambda: "WaitStateEntered" in str(states.get_execution_history(executionArn=arn)["events"]))
    return arn


def status(emulator: Running, execution: str) -> str:
    answer: str = emulator.aws("stepfunctions").describe_execution(executionArn=execution)["status"]
    return answer


def written(local: Local, service: str) -> str:
    file = local.state / "emulator" / f"{service}.json"
    return file.read_text() if file.exists() else ""


def test_a_moved_clock_fires_due_schedules_and_ends_due_waits(local):
    with running(local) as emulator:
        url = queue(emulator)
        schedule(emulator, "daily", "rate(1 day)")
        schedule(emulator, "far", "at(2099-01-01T00:00:00)")
        execution = waiting_workflow(emulator, {"Seconds": 86_400})

        emulator.clock().advance("25h")

        assert eventually(lambda: heard(emulator, url) == ['{"from": "daily"}'])
        assert eventually(lambda: status(emulator, execution) == "SUCCEEDED")
        assert not heard(emulator, url)


def test_a_timestamp_is_waited_for_by_the_product_s_clock(local):
    with running(local) as emulator:
        emulator.clock().advance("1d")
        ahead = emulator.clock().reading()["now"]
        due = str(ahead)[:11] + "23:59:59Z"
        execution = waiting_workflow(emulator, {"Timestamp": due})

        emulator.clock().advance("1d")

        assert eventually(lambda: status(emulator, execution) == "SUCCEEDED")


def test_what_it_was_told_survives_a_kill_and_a_waiting_workflow_goes_on(local):
    with running(local) as emulator:
        url = queue(emulator)
        emulator.clock().advance("1d")
        schedule(emulator, "once", f"at({str(emulator.clock().reading()['now'])[:19]})")
        assert eventually(lambda: heard(emulator, url))
        emulator.aws("s3").create_bucket(Bucket="kept")
        emulator.aws("s3").put_object(Bucket="kept", Key="a/b", Body=b"c")
        emulator.aws("sesv2").create_email_identity(EmailIdentity="from@example.com")
        emulator.aws("sesv2").send_email(
            FromEmailAddress="from@example.com",
            Destination={"ToAddresses": ["to@example.com"]},
            Content={"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}},
        )
        execution = waiting_workflow(emulator, {"Seconds": 3 * 86_400})
        os.kill(emulator.process.pid, signal.SIGUSR1)
        assert eventually(
            lambda: execution in written(local, "stepfunctions") and "last_fired" in written(local, "scheduler")
        )
        assert eventually(lambda: "to@example.com" in written(local, "ses"))

        emulator.process.kill()
        emulator.process.wait()

    with running(local) as emulator:
        assert emulator.aws("s3").get_object(Bucket="kept", Key="a/b")["Body"].read() == b"c"
        assert "to@example.com" in httpx.get(f"{local.emulator_url}/_ministack/ses/messages", trust_env=False).text
        assert status(emulator, execution) == "RUNNING"

        emulator.clock().advance("4d")

        assert eventually(lambda: status(emulator, execution) == "SUCCEEDED")
        assert not heard(emulator, url), "a one-off schedule fired a second time"


def test_what_it_was_told_survives_a_polite_end(local):
    with running(local) as emulator:
        emulator.aws("kms").create_key(Description="kept")
        emulator.aws("secretsmanager").create_secret(Name="kept", SecretString="s")

    with running(local) as emulator:
        assert emulator.aws("secretsmanager").get_secret_value(SecretId="kept")["SecretString"] == "s"
        assert len(emulator.aws("kms").list_keys()["Keys"]) == 1


def someone_with(emulator: Running, action: str, resource: str) -> Callable[[str], Any]:
    """Clients of a user who may do one thing to one resource."""
    iam = emulator.aws("iam")
    iam.create_user(UserName="narrow")
    allowed = {"Effect": "Allow", "Action": action, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="narrow", PolicyName="only", PolicyDocument=document)
    key = iam.create_access_key(UserName="narrow")["AccessKey"]
    return lambda service: Session().create_client(
        service,
        endpoint_url=emulator.local.emulator_url,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def mail(aws: Callable[[str], Any], sender: str) -> None:
    aws("sesv2").send_email(
        FromEmailAddress=sender,
        Destination={"ToAddresses": ["to@example.com"]},
        Content={"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}},
    )


def test_a_grant_to_send_mail_as_one_address_is_a_grant_for_no_other(local):
    with running(local, auth=True) as emulator:
        for sender in ("ours@example.com", "theirs@example.com"):
            emulator.aws("sesv2").create_email_identity(EmailIdentity=sender)
        aws = someone_with(emulator, "ses:SendEmail", "arn:aws:ses:us-east-1:000000000000:identity/ours@example.com")

        mail(aws, "Ours <ours@example.com>")

        with pytest.raises(ClientError, match=r"identity/theirs@example\.com"):
            mail(aws, "theirs@example.com")


def test_a_grant_on_schedules_of_one_group_is_a_grant_on_no_other(local):
    with running(local, auth=True) as emulator:
        entries = "arn:aws:scheduler:us-east-1:000000000000:schedule/ours/mine-*"
        aws = someone_with(emulator, "scheduler:DeleteSchedule", entries)("scheduler")

        with pytest.raises(aws.exceptions.ResourceNotFoundException):
            aws.delete_schedule(Name="mine-1", GroupName="ours")
        for name, group in (("mine-1", "default"), ("other", "ours")):
            with pytest.raises(ClientError, match="AccessDenied"):
                aws.delete_schedule(Name=name, GroupName=group)


def test_the_settlement_s_map_runs_each_page_as_an_execution_of_its_own(local):
    """Its own text, with tasks that answer what they are told here instead of calling a function."""
    definition = json.loads((REPOSITORY / "functions/finance/workflows/settlement.asl.json").read_text())
    pages = [{"first": 1, "last": 25}, {"first": 26, "last": 26}]
    answers = {"Begin": {"run": "night", "next": "settle", "pages": pages}, "Close": {"next": "end"}}
    for name, answer in answers.items():
        definition["States"][name] = {"Type": "Pass", "Result": answer, "Next": definition["States"][name]["Next"]}
    definition["States"]["SettleCreators"]["ItemProcessor"]["States"]["SettlePage"] = {"Type": "Pass", "End": True}
    with running(local) as emulator:
        states = emulator.aws("stepfunctions")
        machine = states.create_state_machine(name="settles", definition=json.dumps(definition), roleArn=ROLE)
        execution = states.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"run": "night"}')[
            "executionArn"
        ]

        assert eventually(lambda: status(emulator, execution) == "SUCCEEDED")
        [run] = states.list_map_runs(executionArn=execution)["mapRuns"]
        children = states.list_executions(mapRunArn=run["mapRunArn"])["executions"]
        given = [json.loads(states.describe_execution(executionArn=one["executionArn"])["input"]) for one in children]
        assert sorted(given, key=str) == [{"run": "night", "page": page} for page in pages]
