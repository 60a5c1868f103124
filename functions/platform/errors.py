"""What platform refuses."""

from shared.errors import Refusal


class NotReady(Refusal):
    status, error = 503, "not_ready"
    zh, en = "服务尚未就绪", "The service is not ready"


class JobNotFound(Refusal):
    status, error = 404, "job_not_found"
    zh, en = "任务不存在", "There is no such job"
