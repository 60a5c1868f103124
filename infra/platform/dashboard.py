"""One dashboard: what people feel, what the house does, what the database bears, what the money does."""

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.platform.alarms import METRICS, WINDOW
from infra.platform.api import Api
from infra.platform.house import House


class Dashboard(Construct):
    """Functions and queues are found by search, so a new domain is on it from its first day."""

    def __init__(self, scope: Construct, name: str, *, house: House, api: Api) -> None:
        super().__init__(scope, name)
        ours = house.names.of("")
        cloudwatch.Dashboard(
            self,
            "House",
            dashboard_name=house.names.of("house"),
            widgets=[
                [
                    _graph("Latency (ms)", api.metric("Latency", "p50"), api.metric("Latency", "p95")),
                    _graph("Requests, 4xx, 5xx", *(api.metric(one, "Sum") for one in ("Count", "4xx", "5xx"))),
                ],
                [
                    _graph("Errors by function", _search("AWS/Lambda", "FunctionName", "Errors", ours, "Sum")),
                    _graph("Duration p95 (ms)", _search("AWS/Lambda", "FunctionName", "Duration", ours, "p95")),
                ],
                [
                    _graph(
                        "Oldest message (s)",
                        _search("AWS/SQS", "QueueName", "ApproximateAgeOfOldestMessage", ours, "Maximum"),
                    ),
                    _graph(
                        "Dead letters",
                        _search("AWS/SQS", "QueueName", "ApproximateNumberOfMessagesVisible", "dlq", "Maximum"),
                    ),
                ],
                [
                    _graph("Database connections", _database(house, "DatabaseConnections", "Maximum")),
                    _graph("Database capacity (%)", _database(house, "ACUUtilization", "Maximum")),
                ],
                [_graph("Business", cloudwatch.MathExpression(expression=f"SEARCH('{{{METRICS},service}}', 'Sum', 300)"))],
            ],
        )


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12, height=6)


def _search(namespace: str, dimension: str, metric: str, word: str, statistic: str) -> cloudwatch.MathExpression:
    term = f'{{{namespace},{dimension}}} MetricName="{metric}" {dimension}:"{word}"'
    return cloudwatch.MathExpression(expression=f"SEARCH('{term}', '{statistic}', 300)", label="", period=WINDOW)


def _database(house: House, metric: str, statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/RDS",
        metric_name=metric,
        dimensions_map={"DBClusterIdentifier": house.names.of("aurora")},
        statistic=statistic,
        period=WINDOW,
    )
