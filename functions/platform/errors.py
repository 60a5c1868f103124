"""What platform refuses."""

from shared.errors import Refusal


class NotReady(Refusal):
    status, error = 503, "not_ready"
    zh, en = "服务尚未就绪", "The service is not ready"


class JobNotFound(Refusal):
    status, error = 404, "job_not_found"
    zh, en = "任务不存在", "There is no such job"


class LocaleNotFound(Refusal):
    status, error = 404, "locale_not_found"
    zh, en = "不支持该语言", "There is no such locale"


class PlaceholderMismatch(Refusal):
    """422; `details` is a list of `{key, locale, expected, found}`."""

    status, error = 422, "placeholder_mismatch"
    zh, en = "占位符与简体中文不一致", "The placeholders differ from those of zh-CN"

    def __init__(self, mismatches: list[dict[str, object]]) -> None:
        super().__init__()
        self.details = mismatches
