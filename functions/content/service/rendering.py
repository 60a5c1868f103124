"""The editor's renderer: one text in the format asked for, and what there is to say about it."""

from functions.content import markup
from functions.content.errors import BodyTooLarge
from functions.content.models import MAX_BODY_BYTES
from functions.content.schemas import RenderIn, RenderOut, TocEntry
from functions.content.to_markdown import to_markdown


def rendered(given: RenderIn) -> RenderOut:
    """Safe HTML, Markdown, or rich text (safe HTML without anchors) of a text. Raises BodyTooLarge above 1 MB."""
    if len(given.body.encode()) > MAX_BODY_BYTES:
        raise BodyTooLarge(limit_bytes=MAX_BODY_BYTES)
    seen = markup.render(given.body, given.format)
    words = markup.word_count(seen.text)
    return RenderOut.model_construct(
        output=_output(given, seen.html),
        text=seen.text,
        toc=[TocEntry.model_construct(level=one.level, title=one.title, anchor=one.anchor) for one in seen.headings],
        word_count=words,
        reading_minutes=markup.reading_minutes(words),
        removed=markup.removed(given.body, given.format),
    )


def _output(given: RenderIn, html: str) -> str:
    if given.to == "html":
        return html
    if given.to == "richtext":
        return markup.sanitise(html)
    return given.body if given.format == "markdown" else to_markdown(given.body)
