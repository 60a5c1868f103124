"""Markdown and rich text as safe HTML: CommonMark with tables, mathematics left as text, HTML by an allow-list."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import nh3

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

Format = Literal["markdown", "richtext"]

_TAG_NAMES = (
    "a abbr b blockquote br caption cite code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd"
    " li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul"
)
_TAGS = frozenset(_TAG_NAMES.split())
_ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "code": {"class"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"style", "colspan", "rowspan"},
    "th": {"style", "colspan", "rowspan"},
}
_SCHEMES = frozenset({"http", "https", "mailto"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_APART = _HEADINGS | {"blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "hr", "li", "p", "pre", "td", "th", "tr"}
_LANGUAGE = re.compile(r"language-[\w+#-]{1,30}")
_WORD = re.compile(
    r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af]|[^\W_\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af]+"
)
_WORDS_PER_MINUTE = 300
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Heading:
    """An entry of the table of contents; `anchor` is the id of its element."""

    level: int
    title: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """Safe HTML with anchors on its headings, the text in it, and its headings."""

    html: str
    text: str
    headings: tuple[Heading, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level part of a text: its source, its safe HTML, and what a reader sees in it."""

    source: str
    html: str
    text: str
    images: int
    is_heading: bool


@cache
def _commonmark() -> "MarkdownIt":
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    made = MarkdownIt("commonmark", {"html": True}).enable("table")
    made.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False, double_inline=True)
    made.add_render_rule("math_inline", _math("$"))
    made.add_render_rule("math_inline_double", _math("$$"))
    made.add_render_rule("math_block", _math("$$", "<p>", "</p>\n"))
    return made


def _math(mark: str, before: str = "", after: str = "") -> Callable[..., str]:
    """Mathematics stays the text it was; whoever shows the page may typeset it."""

    def render(_renderer: object, tokens: list["Token"], index: int, *_more: object) -> str:
        return f"{before}{mark}{escape(tokens[index].content)}{mark}{after}"

    return render


def sanitise(html: str) -> str:
    """HTML that cannot run anything, whoever wrote it: what is not on the list is left out."""
    return nh3.clean(
        html,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes=set(_SCHEMES),
        filter_style_properties={"text-align"},
        link_rel="noopener noreferrer nofollow",
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    if tag == "code" and name == "class":
        return value if _LANGUAGE.fullmatch(value) else None
    return value


@lru_cache(maxsize=16)
def render(body: str, body_format: Format) -> Rendered:
    """The safe HTML of a text. The latest are kept, since versions never change."""
    html = _commonmark().render(body) if body_format == "markdown" else body
    outline = _Outline()
    outline.feed(sanitise(html))
    outline.close()
    return Rendered("".join(outline.html), _tidy("".join(outline.text)), tuple(outline.headings))


def text_of(html: str) -> str:
    """What a reader sees of safe HTML, on one line for each paragraph."""
    outline = _Outline()
    outline.feed(html)
    outline.close()
    return _tidy("".join(outline.text))


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def word_count(text: str) -> int:
    """Words, of which every Chinese, Japanese or Korean character is one."""
    return sum(1 for _ in _WORD.finditer(text))


def reading_minutes(words: int) -> int:
    """Whole minutes to read this many words, rounded up."""
    return -(-words // _WORDS_PER_MINUTE)


def blocks(body: str, body_format: Format) -> list[Block]:
    """The top-level parts of a text, in order."""
    return _markdown_blocks(body) if body_format == "markdown" else _html_blocks(sanitise(body))


def _markdown_blocks(body: str) -> list[Block]:
    environment: dict[str, Any] = {}
    tokens = _commonmark().parse(body, environment)
    lines = body.split("\n")
    starts = [place for place, token in enumerate(tokens) if token.level == 0 and token.nesting >= 0]
    made = []
    for start, end in pairwise([*starts, len(tokens)]):
        first, last = tokens[start].map or [0, 0]
        html = sanitise(_commonmark().renderer.render(tokens[start:end], _commonmark().options, environment))
        made.append(_block("\n".join(lines[first:last]), html))
    return made


def _html_blocks(html: str) -> list[Block]:
    splitter = _Splitter()
    splitter.feed(html)
    splitter.close()
    return [_block(part, part) for part in splitter.parts if part.strip()]


def _block(source: str, html: str) -> Block:
    is_heading = html.lstrip()[1:3] in _HEADINGS
    return Block(source, html, text_of(html), html.count("<img"), is_heading)


class _Outline(HTMLParser):
    """Goes through safe HTML once: gives headings their ids, and keeps the text and the headings."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.html: list[str] = []
        self.text: list[str] = []
        self.headings: list[Heading] = []
        self._title: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser's own
        if tag in _APART:
            self.text.append("\n")
        if tag in _HEADINGS:
            self._title = []
            self.html.append(f'<{tag} id="section-{len(self.headings) + 1}">')
            return
        self.html.append(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _APART:
            self.text.append("\n")
        if tag in _HEADINGS and self._title is not None:
            title, self._title = _tidy("".join(self._title)).replace("\n", " "), None
            self.headings.append(Heading(int(tag[1]), title, f"section-{len(self.headings) + 1}"))
        self.html.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._seen(data, data)

    def handle_entityref(self, name: str) -> None:
        self._seen(f"&{name};", {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "nbsp": "\u00a0"}.get(name, f"&{name};"))

    def handle_charref(self, name: str) -> None:
        code = int(name[1:], 16) if name.lower().startswith("x") else int(name)
        self._seen(f"&#{name};", chr(code))

    def _seen(self, html: str, text: str) -> None:
        self.html.append(html)
        self.text.append(text)
        if self._title is not None:
            self._title.append(text)


class _Splitter(HTMLParser):
    """Cuts safe HTML between its top-level elements."""

    _EMPTY = frozenset({"br", "hr", "img"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser's own
        self._add(self.get_starttag_text() or "", begins=self._depth == 0)
        self._depth += tag not in self._EMPTY

    def handle_endtag(self, tag: str) -> None:
        self._depth -= 1
        self._add(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._add(data)

    def handle_entityref(self, name: str) -> None:
        self._add(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._add(f"&#{name};")

    def _add(self, piece: str, *, begins: bool = False) -> None:
        if begins or not self.parts:
            self.parts.append("")
        self.parts[-1] += piece


class _Unsafe(HTMLParser):
    """Notes every tag and attribute that the allow-list has no place for."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.found.add(tag)
            return
        for name, value in attrs:
            scheme = (value or "").strip().lower().partition(":")
            foreign = name in {"href", "src"} and scheme[1] and re.fullmatch(r"[a-z][a-z0-9+.\s-]*", scheme[0])
            if name not in _ATTRIBUTES.get(tag, ()) or (foreign and scheme[0] not in _SCHEMES):
                self.found.add(f"{tag}.{name}")


def removed(body: str, body_format: Format) -> list[str]:
    """What sanitising leaves out: `script`, `a.onclick`, `a.href` for an address of a forbidden scheme."""
    html = _commonmark().render(body) if body_format == "markdown" else body
    unsafe = _Unsafe()
    unsafe.feed(_COMMENT.sub("", html))  # comments that never end make the parser quadratic
    unsafe.close()
    return sorted(unsafe.found)
