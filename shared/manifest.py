"""What a domain runs and may touch, as typed data. `infra` reads every `functions/*/manifest.py` and builds exactly that.

A grant is as narrow as the sentence that describes it: the table group, the actions, the key prefixes. Each granted
resource reaches the function as one environment variable (see `infra/constructs/function.py` for the names).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from events.base import Fact

TableAction = Literal["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"]
Layer = Literal["http", "sql", "argon2", "text", "media", "documents", "migrate"]


@dataclass(frozen=True)
class Table:
    """A DynamoDB table group, the item actions allowed and, where given, the partition-key prefixes."""

    group: str
    actions: tuple[TableAction, ...]
    key_prefixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bucket:
    """Objects below a prefix of a bucket. `versions` lists every version of them, hidden ones too."""

    name: str
    access: tuple[Literal["read", "write", "delete", "list", "versions"], ...]
    prefix: str = ""


@dataclass(frozen=True)
class Queue:
    """Permission to send to a queue of the house, or only to inspect its attributes."""

    name: str
    access: Literal["send", "inspect"] = "send"


@dataclass(frozen=True)
class Secret:
    """Read (or, for the deploy task that makes it, write) one secret."""

    name: str
    write: bool = False


@dataclass(frozen=True)
class Key:
    """Use a KMS key for envelope encryption."""

    name: str
    actions: tuple[Literal["encrypt", "decrypt"], ...]


@dataclass(frozen=True)
class StartsWorkflow:
    """Start executions of one state machine of this domain."""

    name: str


@dataclass(frozen=True)
class AnswersWorkflow:
    """Return task tokens to one state machine of this domain."""

    name: str


@dataclass(frozen=True)
class Publishes:
    """Put facts on the bus, under this domain's own source only; the outbox sweeper alone under every source."""

    every_source: bool = False


@dataclass(frozen=True)
class SendsEmail:
    """Send mail from the house's verified sender."""


@dataclass(frozen=True)
class Schedules:
    """Create and delete one-off Scheduler entries that call one function of this domain."""

    target: str


Grant = Table | Bucket | Queue | Secret | Key | StartsWorkflow | AnswersWorkflow | Publishes | SendsEmail | Schedules


@dataclass(frozen=True)
class Function:
    """One Lambda function: `functions.<domain>.<name>.handler`. `sql` connects as the domain's role, `sql_owner` as the
    database's owner (migrations only).
    """

    name: str
    grants: Sequence[Grant] = ()
    layers: Sequence[Layer] = ("http", "sql")
    sql: bool = True
    sql_owner: bool = False
    memory: int = 512
    timeout: int = 30
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HttpFunction(Function):
    """Serves the API paths listed, each `/prefix/{proxy+}` or exact, without the `/api/v1` base."""

    name: str = "http"
    routes: Sequence[str] = ()
    memory: int = 1024


@dataclass(frozen=True)
class OnEvent(Function):
    """Hears one fact through its own queue (with DLQ)."""

    event: type[Fact] = Fact


@dataclass(frozen=True)
class OnQueue(Function):
    """Works off one named queue (with DLQ)."""

    queue: str = ""
    batch_size: int = 10


@dataclass(frozen=True)
class OnUpload(Function):
    """Works off object-created notices of a bucket prefix, through a queue (with DLQ)."""

    bucket: str = ""
    prefix: str = ""


@dataclass(frozen=True)
class OnStream(Function):
    """Works off the change stream of a DynamoDB table group."""

    group: str = ""


@dataclass(frozen=True)
class Scheduled(Function):
    """Runs on an EventBridge Scheduler expression, e.g. `rate(1 minute)` or `cron(0 18 * * ? *)` (UTC)."""

    expression: str = ""


@dataclass(frozen=True)
class Task(Function):
    """Invoked by a state machine of the domain, or by a one-off Scheduler entry it created."""


@dataclass(frozen=True)
class DeployTask(Function):
    """Runs once per deployment, before new code serves."""

    timeout: int = 300


@dataclass(frozen=True)
class Workflow:
    """`functions/<domain>/workflows/<name>.asl.json`; `${task_name}` in it becomes that function's ARN."""

    name: str
    tasks: Sequence[str]


@dataclass(frozen=True)
class Manifest:
    """Everything one domain adds to the house."""

    domain: str
    functions: Sequence[Function]
    workflows: Sequence[Workflow] = ()
    queues: Sequence[str] = ()
