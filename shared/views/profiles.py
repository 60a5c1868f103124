"""The contract's UserBrief: a person as shown beside their work, from `identity.pub_profiles`."""

from shared.http.envelope import Out


class UserBrief(Out):
    """Name and face."""

    user_id: int
    username: str
    display_name: str
    avatar_url: str | None
