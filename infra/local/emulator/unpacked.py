"""Unpacks each zip of a function or layer once, and lets every copy of every function use that.

ministack unpacks all layers for each copy of a function: 1.5 s and 80 MB for every cold start, gigabytes in a day.
"""

import hashlib
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from infra.local.emulator import Emulated

_one_at_a_time = threading.Lock()


class SharedZip(zipfile.ZipFile):
    """A zip whose content is linked to where it is wanted."""

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        """Make the empty folder `path` a link to the unpacked content, and drop the packed copy."""
        packed = Path(str(self.filename))
        content = hashlib.sha256(packed.read_bytes()).hexdigest()[:32]
        unpacked = Path(tempfile.gettempdir()) / "unpacked" / content
        with _one_at_a_time:
            if not unpacked.exists():
                unpacked.parent.mkdir(exist_ok=True)
                fresh = Path(tempfile.mkdtemp(dir=unpacked.parent))
                super().extractall(fresh, members, pwd)
                fresh.rename(unpacked)
        Path(path).rmdir()
        Path(path).symlink_to(unpacked)
        packed.unlink()


def unpack_once(lambda_runtime: Emulated) -> None:
    """Let the copies of Python functions share what they only read."""
    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": SharedZip})
