"""Settings of a handler: one small typed class, read once from the environment its manifest gave it."""

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Subclass with the fields a handler needs; each is read from the variable of the same name in upper case.

    A missing or malformed one fails when first asked for, naming the field.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    _loaded: ClassVar[dict[type, BaseModel]] = {}

    stage: str = "local"
    service: str = "sharestack"
    public_url: str = "http://127.0.0.1:8000"

    @classmethod
    def load(cls) -> Self:
        """The settings of this process; parsed once, never at import."""
        known = cls._loaded.get(cls)
        if not isinstance(known, cls):
            known = cls.model_validate({k: os.environ[k.upper()] for k in cls.model_fields if k.upper() in os.environ})
            cls._loaded[cls] = known
        return known

    @classmethod
    def forget(cls) -> None:
        """Drop what was parsed, so that the next `load` reads the environment again."""
        cls._loaded.clear()


_STAGED: Mapping[str, Callable[[str], Any]] = {
    "auth.staff_totp_required": lambda stage: stage == "prod",
    "rate_limits.factor": lambda stage: 100 if stage == "test" else 1,
    "usdt.enabled": lambda stage: stage != "prod",
}


def is_staged(key: str) -> bool:
    """Whether the default of a setting depends on the stage."""
    return key in _STAGED


def staged(key: str, stage: str) -> Any:
    """The default of a setting that depends on the stage (rules.md §19)."""
    return _STAGED[key](stage)
