"""The AWS emulator. `launch` is used by the supervisor; all else runs inside `.venv-emulator`: stdlib and ministack only."""

from typing import Any

Emulated = Any
"""A module of ministack, which is installed in `.venv-emulator` only and has no types."""
