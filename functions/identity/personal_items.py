"""What identity holds of a person outside SQL: items of DynamoDB and objects of S3 (personal_data.py has the rows)."""

from shared.personal_data import Items, Kept, Objects

ITEMS = (
    Items(
        "identity",
        "U#",
        what=("登录会话", "Your sessions"),
        key="U#{uid}",
        file="sessions.json",
        secret=frozenset({"gsi1pk", "gsi1sk", "refresh_hash", "previous_hash"}),
    ),
    Items("events", "U#", what=("登录与操作记录", "Sign-ins and actions"), key="U#{uid}", file="activity.json"),
    Items(
        "ops",
        "KU#",
        what=("API 密钥的最近使用", "When your API keys were last used"),
        key="KU#{uid}",
        file="api_key_uses.json",
    ),
    Items(
        "ops",
        "CA#admin:user_stats:",
        what=("账号统计缓存", "Counts of accounts, kept for a minute"),
        kept=Kept("只有总数，不含个人信息", "数分钟后自动删除"),
        not_exported="counts of all accounts",
    ),
    Items(
        "events",
        "LN#",
        what=("对不存在账号的登录尝试", "Guesses at names nobody has"),
        kept=Kept("只有散列值", "两天后自动删除"),
        not_exported="keyed by the hash of a name that nobody has",
    ),
    Items(
        "social",
        "U#",
        what=("我关注的人", "Whom you follow"),
        key="U#{uid}",
        sort="F#",
        file="following.json",
        erased_by="service/deletion.py, in both directions, so that every counter follows",
    ),
    Items(
        "social",
        "F#",
        what=("关注我的人", "Who follows you"),
        key="F#{uid}",
        by_index=True,
        file="followers.json",
        erased_by="service/deletion.py, in both directions, so that every counter follows",
    ),
    Items(
        "identity",
        "C#",
        what=("一次性验证码", "One-time codes"),
        kept=Kept("只有散列值，无法按人查找", "五分钟后失效并自动删除"),
        not_exported="hashes of codes and of where they were sent",
    ),
    Items(
        "identity",
        "CF#",
        what=("验证码发送频率", "How often codes were sent"),
        kept=Kept("只有散列值与时间", "两天后自动删除"),
        not_exported="hashes of targets, and times",
    ),
    Items(
        "identity",
        "N#",
        what=("已送达的通知", "Notices that were delivered"),
        kept=Kept("只有通知编号", "到期自动删除"),
        not_exported="ids of notices, so that none is sent twice",
    ),
    Items(
        "identity",
        "O#",
        what=("第三方登录的往返", "Journeys to a provider"),
        kept=Kept("只在往返期间存在", "十分钟后自动删除"),
        not_exported="gone within minutes",
    ),
    Items(
        "identity",
        "PROVIDERS",
        what=("可用的第三方登录", "Which providers may be used"),
        kept=Kept("系统设置，不含个人信息", "永久"),
        not_exported="a setting of the house",
    ),
    Items(
        "identity",
        "HASHKEY",
        what=("散列密钥", "The key of hashes"),
        kept=Kept("系统密钥，不含个人信息", "永久"),
        not_exported="a key of the house",
    ),
    Items(
        "identity",
        "JWKS",
        what=("公开的签名密钥", "The published keys"),
        kept=Kept("系统密钥，不含个人信息", "永久"),
        not_exported="keys of the house",
    ),
)

OBJECTS = (
    Objects(
        "exports",
        what=("导出的数据", "Copies of your data"),
        keys="SELECT 'personal/' || request_id || '/' FROM identity.export_requests WHERE uid = %(uid)s",
        below=True,
    ),
)
