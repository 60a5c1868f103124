"""Text that people write for others to read: in normal form, visible, and unable to disguise itself.

Control characters and what turns the direction of writing around would let a name look like someone else's, or reach into
the text next to it. Joiners stay: emoji and several scripts need them.
"""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator

_REFUSED = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f"  # controls, but for tab and line feed
    "\u202a-\u202e\u2066-\u2069"  # embeddings, overrides and isolates of direction
    "\u200b\u2060-\u2064\ufeff\u2028\u2029"  # invisible spaces, operators and separators
    "\ufff9-\ufffb\U000e0000-\U000e007f]"  # annotations, tags
)
_SHAPE = re.compile("[\t\n]")
_UNSEEN = frozenset("\u00ad\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""What Unicode counts as a letter, mark or symbol, and no font shows."""


def _paragraphs(text: str) -> str:
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    if _REFUSED.search(text):
        raise ValueError("不能包含控制字符或改变文字方向的字符|must not contain control characters or direction overrides")
    return text


def _line(text: str) -> str:
    if _SHAPE.search(text):
        raise ValueError("不能换行|must be one line")
    return _paragraphs(text)


def _name(text: str) -> str:
    text = _line(text)
    if not any(unicodedata.category(one)[0] in "LNPS" and one not in _UNSEEN for one in text):
        raise ValueError("必须包含可见字符|must contain something visible")
    return text


Paragraphs = Annotated[str, AfterValidator(_paragraphs)]
"""Text of several lines."""

Line = Annotated[str, AfterValidator(_line)]
"""Text of one line."""

Name = Annotated[str, AfterValidator(_name)]
"""One line that shows something."""
