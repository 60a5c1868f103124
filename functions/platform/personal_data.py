"""What platform holds of a person: keys of repeated requests, jobs, and what is on its way."""

from shared.personal_data import Items, Kept, PersonalData, Rows

DATA = PersonalData(
    domain="platform",
    rows=(
        Rows(
            "platform.idempotency_keys",
            person=("uid",),
            what=("重复请求的标识", "Keys of requests you repeated"),
            export="""
            SELECT scope, key, status, expires_at FROM platform.idempotency_keys WHERE uid = %(uid)s ORDER BY scope, key
            """,
            erase=("DELETE FROM platform.idempotency_keys WHERE uid = %(uid)s",),
        ),
        Rows(
            "platform.outbox_events",
            person=(),
            what=("系统内部事件", "Facts between parts of the system"),
            not_exported="facts on their way, with ids and no names; what they tell of stands in the tables exported",
            kept=Kept("只含编号，供重新投递", "30 天后自动删除"),
        ),
        Rows(
            "platform.personal_data_acks",
            person=(),
            what=("导出与删除的完成记录", "That a part of an export or an erasure was done"),
            not_exported="numbers of a request and counts",
            kept=Kept("《个人信息保护法》第五十六条：处理情况记录至少保存三年", "3 年"),
        ),
    ),
    items=(
        Items(
            "ops",
            "JOB#",
            what=("我的后台任务", "Your background jobs"),
            key="U#{uid}",
            by_index=True,
            file="jobs.json",
            secret=frozenset({"result"}),  # holds addresses that open files
        ),
        Items(
            "ops",
            "RL#",
            what=("限流计数", "How many requests were made"),
            kept=Kept("只含编号或网络地址与时间", "数分钟后自动删除"),
            not_exported="counts the requests of a minute",
        ),
    ),
)
