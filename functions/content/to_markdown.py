"""Rich text as Markdown: every element Markdown has, and the text of all others."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from functions.content.markup import sanitise

_EMPTY = frozenset({"br", "hr", "img"})
_CONTAINERS = frozenset({"", "div", "figure", "details", "dl", "li", "dd", "blockquote"})
_HEADING = re.compile("h[1-6]")
_PARAGRAPHS = frozenset({"p", "dt", "figcaption", "summary", "caption"})
_BLOCKS = _CONTAINERS | _PARAGRAPHS | {"h1", "h2", "h3", "h4", "h5", "h6", "hr", "ul", "ol", "pre", "table"}
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>$&|])")
_CLOSING = re.compile("(#)(?=#*$)")
_BACKSLASHED = r"\\\1"
_LINE_START = re.compile(r"^(\s*)([#+=~-]|\d+[.)])", re.MULTILINE)


@dataclass
class _Node:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["_Node | str"] = field(default_factory=list)


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = _Node("")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = _Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in _EMPTY:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if len(self._open) > 1 and self._open[-1].tag == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def to_markdown(body: str) -> str:
    """Markdown of rich text; what sanitising would leave out is left out here too."""
    tree = _Tree()
    tree.feed(sanitise(body))
    tree.close()
    text = _blocks(tree.root)
    return f"{text}\n" if text else ""


def _blocks(node: _Node) -> str:
    """Its parts, an empty line between each two; runs of inline content between blocks are paragraphs."""
    made: list[str] = []
    run: list[_Node | str] = []
    for child in [*node.children, None]:
        if child is not None and (isinstance(child, str) or child.tag not in _BLOCKS):
            run.append(child)
            continue
        made.append(_paragraph(run))
        run = []
        if child is not None:
            made.append(_block(child))
    return "\n\n".join(part for part in made if part)


def _block(node: _Node) -> str:
    if _HEADING.fullmatch(node.tag):
        title = _inline(node.children).replace("\\\n", " ").strip()
        return f"{'#' * int(node.tag[1])} {_CLOSING.sub(_BACKSLASHED, title)}"
    if node.tag in _PARAGRAPHS:
        return _paragraph(node.children)
    write = {"hr": _rule, "pre": _fence, "blockquote": _quote, "ul": _list, "ol": _list, "table": _table}
    return write.get(node.tag, _blocks)(node)


def _rule(_node: _Node) -> str:
    return "---"


def _quote(node: _Node) -> str:
    return "\n".join(f"> {line}".rstrip() for line in _blocks(node).split("\n"))


def _paragraph(children: list[_Node | str]) -> str:
    return _LINE_START.sub(_escape_start, _inline(children).strip())


def _escape_start(match: re.Match[str]) -> str:
    space, mark = match.groups()
    return f"{space}\\{mark}" if len(mark) == 1 else f"{space}{mark[:-1]}\\{mark[-1]}"


def _inline(children: list[_Node | str]) -> str:
    pieces = [_words(one) if isinstance(one, str) else _span(one) for one in children]
    out = ""
    for position, (child, piece) in enumerate(zip(children, pieces, strict=True)):
        mark = None if isinstance(child, str) else _MARKS.get(child.tag)
        after = next((later[0] for later in pieces[position + 1 :] if later), " ")
        out += piece if mark is None or not piece.strip() else _emphasised(piece, mark, out[-1:] or " ", after)
    return out


def _words(text: str) -> str:
    return _SPECIAL.sub(_BACKSLASHED, re.sub(r"\s+", " ", text))


def _emphasised(inner: str, mark: str, before: str, after: str) -> str:
    """With asterisks where Markdown takes them for emphasis, which beside punctuation it does not; else with a tag."""
    core = inner.strip()
    lead, trail = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
    opens = core[0].isalnum() or lead or before.isspace()
    closes = core[-1].isalnum() or trail or after.isspace()
    if opens and closes and "*" not in {before, after, core[0], core[-1]} and after != "<":
        return f"{lead}{mark}{core}{mark}{trail}"
    tag = "strong" if mark == "**" else "em"
    return f"{lead}<{tag}>{core}</{tag}>{trail}"


def _span(node: _Node) -> str:
    inner = _inline(node.children)
    match node.tag:
        case "br":
            return "\\\n"
        case "code":
            return _code(_raw(node))
        case "a" if node.attributes.get("href"):
            return f"[{inner}]({_address(node.attributes['href'])})"
        case "img" if node.attributes.get("src"):
            return f"![{_SPECIAL.sub(_BACKSLASHED, node.attributes.get('alt', ''))}]({_address(node.attributes['src'])})"
    return inner


def _address(url: str) -> str:
    return "<" + re.sub(r"[<>\s]", lambda found: f"%{ord(found.group()):02X}", url) + ">"


def _raw(node: _Node) -> str:
    return "".join(one if isinstance(one, str) else _raw(one) for one in node.children)


def _code(text: str) -> str:
    ticks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    flat = re.sub(r"\s+", " ", text)
    return f"{ticks} {flat} {ticks}" if flat.startswith("`") or flat.endswith("`") else f"{ticks}{flat}{ticks}"


def _fence(node: _Node) -> str:
    text = _raw(node).removesuffix("\n")
    ticks = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    classes = [one.attributes.get("class", "") for one in node.children if isinstance(one, _Node)]
    language = next((name.removeprefix("language-") for name in classes if name), "")
    return f"{ticks}{language}\n{text}\n{ticks}"


def _list(node: _Node) -> str:
    start = node.attributes.get("start", "1")
    number = int(start) if start.isdigit() else 1
    made = []
    for item in node.children:
        if not isinstance(item, _Node):
            continue
        mark = f"{number}. " if node.tag == "ol" else "- "
        lines = _blocks(item).split("\n")
        made.append("\n".join([mark + lines[0], *(f"{' ' * len(mark)}{line}".rstrip() for line in lines[1:])]))
        number += 1
    return "\n".join(made)


def _table(node: _Node) -> str:
    rows = [[_cell(cell) for cell in row.children if isinstance(cell, _Node)] for row in _rows(node)]
    width = max((len(row) for row in rows), default=0)
    if not width:
        return ""
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _rows(node: _Node) -> list[_Node]:
    found: list[_Node] = []
    for child in node.children:
        if isinstance(child, _Node):
            found += [child] if child.tag == "tr" else _rows(child)
    return found


def _cell(node: _Node) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", _inline(node.children).replace("\\\n", " ")).strip()
