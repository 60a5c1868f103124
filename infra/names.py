"""Names and ARNs of what the house deploys. Fixed names let one stack speak of another's things without an export,
which CloudFormation would refuse to change while it is in use.
"""

from dataclasses import dataclass

from aws_cdk import Aws

HOUSE = "sharestack"
LONGEST_FUNCTION = 64


@dataclass(frozen=True)
class Names:
    """The names of one stage."""

    stage: str
    region: str

    def of(self, *parts: str) -> str:
        """`sharestack-<stage>-<part>-…`."""
        return "-".join((HOUSE, self.stage, *parts))

    def function(self, domain: str, name: str) -> str:
        """A Lambda function; raises ValueError when Lambda would find it too long."""
        full = self.of(domain, name)
        if len(full) > LONGEST_FUNCTION:
            message = f"function name {full} is longer than the {LONGEST_FUNCTION} characters Lambda takes"
            raise ValueError(message)
        return full

    def table(self, group: str) -> str:
        """The DynamoDB table of a group."""
        return self.of(group)

    def bucket(self, name: str) -> str:
        """A bucket; the account makes it unique in the world."""
        return self.of(name, Aws.ACCOUNT_ID)

    @property
    def bus(self) -> str:
        """The event bus."""
        return self.of("bus")

    @property
    def schedule_group(self) -> str:
        """The group of every Scheduler entry."""
        return self.of("schedules")

    def arn(self, service: str, resource: str) -> str:
        """`arn:aws:<service>:<region>:<account>:<resource>`."""
        return f"arn:aws:{service}:{self.region}:{Aws.ACCOUNT_ID}:{resource}"

    def function_arn(self, domain: str, name: str) -> str:
        """ARN of a function, without version or alias."""
        return self.arn("lambda", f"function:{self.function(domain, name)}")

    def table_arn(self, group: str) -> str:
        """ARN of a table."""
        return self.arn("dynamodb", f"table/{self.table(group)}")

    def bucket_arn(self, name: str) -> str:
        """ARN of a bucket."""
        return f"arn:aws:s3:::{self.bucket(name)}"

    def queue_arn(self, *parts: str) -> str:
        """ARN of a queue."""
        return self.arn("sqs", self.of(*parts))

    def queue_url(self, name: str) -> str:
        """URL of a queue."""
        return f"https://sqs.{self.region}.amazonaws.com/{Aws.ACCOUNT_ID}/{self.of(name)}"

    @property
    def bus_arn(self) -> str:
        """ARN of the event bus."""
        return self.arn("events", f"event-bus/{self.bus}")

    def secret_arn(self, name: str) -> str:
        """ARN of a secret; Secrets Manager ends it with six characters of its own choice."""
        return self.arn("secretsmanager", f"secret:{self.of(name)}-??????")

    def workflow_arn(self, domain: str, name: str) -> str:
        """ARN of a state machine."""
        return self.arn("states", f"stateMachine:{self.of(domain, name)}")

    @property
    def alarm_topic_arn(self) -> str:
        """ARN of the topic alarms are sent to."""
        return self.arn("sns", self.of("alarms"))
