"""The part of a text that everyone may read: its beginning, cut between paragraphs."""

import html
import re
from dataclasses import dataclass
from functools import lru_cache

from functions.content.markup import Block, Format, blocks, render, text_of

_IMAGE_WEIGHT = 200
_MARKDOWN_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&])")
_SENTENCE_END = re.compile(r"[。！？；.!?;]\s*|\s+")
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Trial:
    """A beginning in the format of the whole, and as safe HTML; both empty when nothing is offered."""

    body: str
    html: str


NOTHING = Trial("", "")


def weight(block: Block) -> int:
    """How much of the text a block is: its characters, an image like a short paragraph, and never nothing."""
    return len(block.text) + _IMAGE_WEIGHT * block.images or len(block.source)


@lru_cache(maxsize=16)
def trial(body: str | None, body_format: Format, percent: int) -> Trial:
    """The leading blocks that together weigh at most `percent` of the text; no sentence of the rest is in it.

    Where not even one paragraph fits, the beginning of the first one is given as plain text, within the same limit.
    """
    if not body or percent <= 0:
        return NOTHING
    if percent >= 100:  # noqa: PLR2004 - the whole text
        return Trial(body, render(body, body_format).html)
    parts = blocks(body, body_format)
    allowed = sum(map(weight, parts)) * percent // 100
    taken: list[Block] = []
    for block in parts:
        if weight(block) > allowed:
            if all(one.is_heading for one in taken):
                taken += _beginning(block, body_format, allowed)
            break
        allowed -= weight(block)
        taken.append(block)
    between = "\n\n" if body_format == "markdown" else ""
    return Trial(between.join(block.source for block in taken), "".join(block.html for block in taken))


def _beginning(block: Block, body_format: Format, allowed: int) -> list[Block]:
    """The first sentences of a paragraph without its markup, or none when none fit."""
    line = block.text.replace("\n", " ")
    ends = [match.end() for match in _SENTENCE_END.finditer(line, 0, allowed)]
    cut = line[: ends[-1] if ends and ends[-1] * 2 > allowed else allowed].rstrip()
    if not cut:
        return []
    cut += ELLIPSIS
    safe = f"<p>{html.escape(cut, quote=False)}</p>"
    source = _MARKDOWN_MARKS.sub(r"\\\1", cut) if body_format == "markdown" else safe
    return [Block(source, safe, text_of(safe), 0, is_heading=False)]
