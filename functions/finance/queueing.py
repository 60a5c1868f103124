"""Jobs of finance on their way into a queue."""

import json
import os
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from shared import aws
from shared.dynamo.jobs import JobItem
from shared.errors import ServiceDegraded

_SOON: Final = 2


def queued(job: JobItem, queue: str, what: str) -> JobItem:
    """Put a job into a queue the manifest granted under this name. Raises ServiceDegraded, and the job has failed."""
    url = os.environ[f"QUEUE_{queue.upper().replace('-', '_')}"]
    try:
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"job_id": job.job_id}))
    except (BotoCoreError, ClientError) as error:
        job.fail("service_degraded", f"{what} could not be queued")
        raise ServiceDegraded(retry_after=_SOON) from error
    return job
