"""Nothing that runs without someone waiting for it may fail without a trace."""

import ast

import pytest

from infra.manifests import REPOSITORY
from infra.platform.alarms import PAYMENT_OUTCOMES
from tests.infra.conftest import Resource, Synthesized, text

STAGES = ("local", "small", "prod")


def queues(synthesized: Synthesized) -> dict[str, Resource]:
    return {queue["QueueName"]: queue for queue in synthesized.resources("AWS::SQS::Queue").values()}


def name_of(arn: object) -> str:
    """`<Logical.Arn>` stays as it is, a written ARN becomes its last part."""
    return text(arn).rsplit(":", 1)[-1]


@pytest.mark.parametrize("name", STAGES)
def test_every_queue_has_a_dead_letter_queue_that_takes_over_after_five_attempts(stage, name):
    found = queues(stage(name))
    working = {queue: properties for queue, properties in found.items() if not queue.endswith("-dlq")}

    assert working
    for queue, properties in working.items():
        assert properties["RedrivePolicy"]["maxReceiveCount"] == 5
        assert f"{queue}-dlq" in found


@pytest.mark.parametrize("name", STAGES)
def test_a_message_stays_hidden_for_six_timeouts_of_its_function(stage, functions, name):
    found = queues(stage(name))

    for full, (_, function) in functions.items():
        own = found.get(f"sharestack-{name}-{full}") or found.get(f"sharestack-{name}-{getattr(function, 'queue', '')}")
        if own:
            assert own["VisibilityTimeout"] == 6 * function.timeout, full


@pytest.mark.parametrize("name", STAGES)
def test_every_consumer_reports_what_failed_one_by_one(stage, name):
    mappings = stage(name).resources("AWS::Lambda::EventSourceMapping")

    assert mappings
    for where, mapping in mappings.items():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], where


@pytest.mark.parametrize("name", STAGES)
def test_a_record_of_a_stream_that_keeps_failing_is_kept(stage, name):
    streams = [
        mapping
        for mapping in stage(name).resources("AWS::Lambda::EventSourceMapping").values()
        if "StartingPosition" in mapping
    ]

    assert streams
    for mapping in streams:
        assert mapping["BisectBatchOnFunctionError"] is True
        assert mapping["MaximumRetryAttempts"] == 5
        assert mapping["DestinationConfig"]["OnFailure"]["Destination"]


@pytest.mark.parametrize("name", STAGES)
def test_a_fact_the_bus_cannot_deliver_is_kept(stage, name):
    rules = stage(name).resources("AWS::Events::Rule")

    assert rules
    for where, rule in rules.items():
        assert all(target["DeadLetterConfig"]["Arn"] for target in rule["Targets"]), where


@pytest.mark.parametrize("name", STAGES)
def test_scheduled_work_that_fails_is_kept_both_before_and_after_it_started(stage, name):
    synthesized = stage(name)
    schedules = synthesized.resources("AWS::Scheduler::Schedule")
    keeping = {
        f"{where.split('/')[0]}/{properties['FunctionName']['Ref']}"
        for where, properties in synthesized.resources("AWS::Lambda::EventInvokeConfig").items()
        if properties["DestinationConfig"]["OnFailure"]["Destination"]
    }

    assert schedules
    for where, schedule in schedules.items():
        assert schedule["Target"]["DeadLetterConfig"]["Arn"], where
        assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert f"{where.split('/')[0]}/{schedule['Target']['Arn']['Fn::GetAtt'][0]}" in keeping


def test_a_function_that_one_off_entries_call_keeps_its_failures(stage):
    synthesized = stage("prod")
    kept = {where.split("/")[1] for where in synthesized.resources("AWS::Lambda::EventInvokeConfig") if "sample" in where}

    assert {name for name in kept if name.startswith("Ripen")}


def test_every_dead_letter_queue_rings_when_it_is_not_empty(stage):
    synthesized = stage("prod")
    dead = [
        where for where, queue in synthesized.resources("AWS::SQS::Queue").items() if queue["QueueName"].endswith("-dlq")
    ]
    watched = {
        f"{where.split('/')[0]}/{dimension['Value']['Fn::GetAtt'][0]}"
        for where, alarm in synthesized.resources("AWS::CloudWatch::Alarm").items()
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible" and alarm["Threshold"] == 0
        for dimension in alarm["Dimensions"]
    }

    assert set(dead) == watched


def test_alarms_have_the_thresholds_of_the_rules(stage):
    alarms = stage("prod").resources("AWS::CloudWatch::Alarm").values()
    thresholds = {alarm["MetricName"]: alarm["Threshold"] for alarm in alarms if "MetricName" in alarm}
    computed = sorted(alarm["Threshold"] for alarm in alarms if "Metrics" in alarm)

    assert thresholds["Latency"] == 500
    assert thresholds["ApproximateAgeOfOldestMessage"] == 300
    assert thresholds["CPUUtilization"] == 80
    assert thresholds["ACUUtilization"] == 85
    assert thresholds["CommitLatency"] == 100
    assert thresholds["error_lines"] == 50
    assert thresholds["Throttles"] == thresholds["Errors"] == 0
    assert computed == [1, 5]  # 5xx %, failed payments %


def test_the_payment_alarm_listens_to_metrics_that_payments_writes():
    written = {
        call.args[0].value
        for path in (REPOSITORY / "functions" / "payments").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "count" and call.args
        if isinstance(call.args[0], ast.Constant)
    }

    assert set(PAYMENT_OUTCOMES) <= written


def test_every_alarm_is_sent_somewhere(stage):
    alarms = stage("small").resources("AWS::CloudWatch::Alarm")

    assert len(alarms) > 20
    assert all(name_of(alarm["AlarmActions"][0]) == "sharestack-small-alarms" for alarm in alarms.values())
