"""Reading the contract's own shorthand (rules.md §0) into fields, so that the OpenAPI document can be held against it."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).with_name("data")
_OPEN, _CLOSE = "{[(<", "}])>"


@dataclass(frozen=True)
class Field:
    """One named field: whether it must be sent, and its type as written."""

    name: str
    required: bool
    type: str


@dataclass(frozen=True)
class Row:
    """One row of endpoints.csv."""

    id: str
    method: str
    path: str
    auth: str
    permission: str
    request: str
    response: str
    errors: tuple[tuple[int, str], ...]

    @property
    def status(self) -> int:
        """The status of a success."""
        match = re.match(r"(\d{3}) ", self.response)
        return int(match[1]) if match else 200

    @property
    def idempotent(self) -> bool:
        """Whether the row lists Idempotency-Key."""
        return "Idempotency-Key" in self.request

    @property
    def paged(self) -> bool:
        """Whether the row takes the paging parameters."""
        return "+page" in self.request


@cache
def rows() -> dict[str, Row]:
    """Every row by id: the contract's, and those we serve beyond it, whose `source` says why."""
    found = {}
    for path in (DATA / "endpoints.csv", DATA.with_name("additions.csv")):
        for line in csv.DictReader(path.read_text().splitlines()):
            errors = tuple((int(match[1]), match[2]) for match in re.finditer(r"(?:^|;)\s*(\d{3}) (\w+)", line["errors"]))
            found[line["id"]] = Row(
                line["id"],
                line["method"],
                line["path"],
                line["auth"],
                line["permission"],
                line["request"],
                line["response"],
                errors,
            )
    return found


def split(text: str, separators: str = ",") -> list[str]:
    """Split at separators that stand outside of all brackets."""
    text = text.replace("<=", "≤").replace(">=", "≥")
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in _OPEN) - (character in _CLOSE)
        if depth == 0 and character in separators:
            parts.append(text[start:position].strip())
            start = position + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]


def fields(text: str) -> list[Field]:
    """`a:int, b:str?, c:int=1` as fields."""
    found = []
    for part in split(text):
        name, colon, kind = part.partition(":")
        if not colon or not re.fullmatch(r"\w+", name.strip()):
            bare = re.match(r"(\w+)(\(.*\))?$", part)
            if bare:
                found.append(Field(bare[1], True, ""))
            continue
        bracketless = re.sub(r"\([^)]*\)", "", kind)
        optional = "?" in re.sub(r"[\[{].*[\]}]", "", bracketless) or re.search(r"\w=|\]=", bracketless) is not None
        found.append(Field(name.strip(), not optional and "?" not in kind[-1:], kind))
    return found


def request_of(row: Row) -> tuple[list[Field], list[Field], list[Field]]:
    """(query, body, form) fields of a row; `any field of …` is resolved by the caller."""
    query: list[Field] = []
    body: list[Field] = []
    form: list[Field] = []
    for part in split(row.request, ";"):
        if part in {"+page", "Idempotency-Key"} or part.startswith("header "):
            continue
        if part.startswith("query:"):
            query += fields(part.removeprefix("query:").strip())
        elif part.startswith("form:"):
            form += fields(part.removeprefix("form:").strip())
        else:
            body += [field for field in fields(part) if not part.startswith("any field of")]
            if part.startswith("any field of"):
                body += fields(",".join(split(part)[1:]))
    return query, body, form


@cache
def objects() -> dict[str, str]:
    """The shared objects of data_model.md §20 and those defined inline at first use, as their field text."""
    found: dict[str, str] = {}
    table = (DATA / "data_model.md").read_text().split("## 20.")[1]
    for match in re.finditer(r"^\| (\w+) \| (.+) \|$", table, re.MULTILINE):
        found[match[1]] = match[2].replace("\\|", "|")
    for row in rows().values():
        for name, text in _inline(row.response):
            found.setdefault(name, text)
    return found


def _inline(text: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"([A-Z]\w+)\{", text):
        depth, end = 1, match.end()
        while depth:
            depth += (text[end] == "{") - (text[end] == "}")
            end += 1
        yield match[1], text[match.end() : end - 1]


def response_fields(text: str) -> set[str]:
    """The member names a response expression promises, at its first level."""
    text = re.sub(r"^\d{3} ", "", text.strip())
    without_note = re.sub(r'; ".*$', "", text)
    names: set[str] = set()
    left_out: set[str] = set()
    if " without " in without_note:
        without_note = without_note.replace(" without body", "")
        left_out = {"body", "body_html", "media"}
    for part in _terms(without_note):
        names |= _term_fields(part)
    return names - left_out


def _terms(text: str) -> list[str]:
    return split(text, "+")


def _term_fields(term: str) -> set[str]:
    term = term.strip()
    if term.startswith("{"):
        return {field.name for field in fields(term[1 : term.rindex("}")])}
    bare = re.match(r"([A-Z]\w+)", term)
    if bare:
        # Defined where it stands, and only else by its first use: one name may have two shapes (Batch).
        own = dict(_inline(term)).get(bare[1])
        definition = objects()[bare[1]] if own is None else own
        names: set[str] = set()
        terms = _terms(definition)
        if re.match(r"[A-Z]\w+$", terms[0]):
            names |= _term_fields(terms[0])
            definition = "+".join(terms[1:])
        return names | {field.name for field in fields(re.sub(r'; ".*$', "", definition))}
    return {field.name for field in fields(term)}


def list_item(text: str) -> tuple[str, set[str]] | None:
    """For `list<X> + y:int`: the item expression and the extra members beside the page's own."""
    match = re.match(r"list<", text)
    if not match:
        return None
    depth, end = 1, match.end()
    while depth:
        depth += (text[end] == "<") - (text[end] == ">")
        end += 1
    item = text[match.end() : end - 1]
    extra: set[str] = set()
    for term in _terms(text[end:].lstrip(" +")):
        extra |= _term_fields(term)
    return item, extra
