"""What a person shows, and what they consent to."""

from typing import Literal

from pydantic import ConfigDict

from shared.http.envelope import In, Out


class Privacy(Out):
    """The settings in force; the defaults are those of an account that never chose. Marketing must be asked for."""

    profile_visibility: Literal["public", "followers", "private"] = "public"
    show_followers: bool = True
    show_following: bool = True
    show_favorites: bool = True
    allow_messages_from: Literal["everyone", "following", "none"] = "everyone"
    searchable: bool = True
    show_online_status: bool = True
    personalized_recommendations: bool = True
    marketing_consent: bool = False


class PrivacyIn(Privacy, In):
    """Any of them; what is left out stays. A setting is never null."""

    model_config = ConfigDict(strict=True)


CONSENTS = ("personalized_recommendations", "marketing_consent")
"""Settings whose every change is logged (个人信息保护法)."""
