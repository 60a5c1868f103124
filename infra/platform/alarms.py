"""Alarms, with the thresholds of rules.md §12, §18 and §20. Every one is sent to one encrypted topic."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.names import Names
from infra.stage import Stage

WINDOW = Duration.minutes(5)
P95_MILLISECONDS = 500
SERVER_ERRORS_PERCENT = 1
BACKLOG_SECONDS = 300
DATABASE_CPU_PERCENT = 80
DATABASE_CONNECTIONS_PERCENT = 80
DATABASE_CAPACITY_PERCENT = 85
QUERY_MILLISECONDS = 100
PAYMENT_FAILURE_PERCENT = 5
ERROR_LINES = 50
PAYMENT_OUTCOMES = ("payment_gateway_error", "order_paid")
"""Metrics of payments: what failed, what succeeded."""
METRICS = "ShareStack"


class Alarms:
    """Makes alarms where the stage wants them; a stage nobody watches gets none."""

    def __init__(self, stage: Stage, names: Names) -> None:
        self._wanted = stage.alarms
        self._names = names

    def dead_letters(self, scope: Construct, name: str, queue: sqs.Queue) -> None:
        """Something failed for good."""
        messages = queue.metric_approximate_number_of_messages_visible(period=WINDOW, statistic="Maximum")
        self.above(scope, name, messages, 0, "Messages failed for good; look at them, mend, redrive.")

    def backlog(self, scope: Construct, name: str, queue: sqs.Queue) -> None:
        """Work waits too long (rule queue_backlog)."""
        age = queue.metric_approximate_age_of_oldest_message(period=WINDOW, statistic="Maximum")
        self.above(scope, name, age, BACKLOG_SECONDS, "The oldest message waits for more than 300 seconds.")

    def function(self, scope: Construct, name: str, function: lambda_.IFunction) -> None:
        """A function failed."""
        errors = function.metric_errors(period=WINDOW)
        self.above(scope, name, errors, 0, "The function raised, timed out or ran out of memory.")

    def throttles(self, scope: Construct, name: str) -> None:
        """Any function was not let run: concurrency belongs to the account, so one alarm tells of all."""
        refused = lambda_.Function.metric_all_throttles(period=WINDOW)
        self.above(scope, name, refused, 0, "Lambda had no concurrency left for a function.")

    def above(
        self,
        scope: Construct,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        description: str,
        *,
        periods: int = 1,
    ) -> None:
        """Ring when the metric is above the threshold for that many periods; silence counts as health."""
        if not self._wanted:
            return
        alarm = cloudwatch.Alarm(
            scope,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        made = alarm.node.default_child
        assert isinstance(made, cloudwatch.CfnAlarm)  # noqa: S101 - narrows the type CDK documents
        made.alarm_actions = made.ok_actions = [self._names.alarm_topic_arn]


def share_percent(part: cloudwatch.IMetric, whole: list[cloudwatch.IMetric], label: str) -> cloudwatch.MathExpression:
    """`part` as a percentage of the sum of `whole`; nothing where there was nothing."""
    metrics: dict[str, cloudwatch.IMetric] = {"part": part}
    metrics |= {f"whole{index}": metric for index, metric in enumerate(whole)}
    total = " + ".join(f"FILL(whole{index}, 0)" for index in range(len(whole)))
    return cloudwatch.MathExpression(
        expression=f"IF(({total}) > 0, 100 * FILL(part, 0) / ({total}), 0)",
        using_metrics=metrics,
        label=label,
        period=WINDOW,
    )


def house_metric(name: str, **dimensions: str) -> cloudwatch.Metric:
    """A metric the house writes itself, summed over the window."""
    return cloudwatch.Metric(
        namespace=METRICS, metric_name=name, dimensions_map=dimensions or None, statistic="Sum", period=WINDOW
    )
