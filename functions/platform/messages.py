"""The message catalogue: what clients show, per locale and namespace, edited by staff (rules.md §17).

Seeded with every sentence the API itself may say (namespaces `errors`, `validation`) and a client's common words.
The API's own errors do not follow edits: a refusal must not need a database to be said (docs/decisions/0031).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from functions.platform import message_store as store
from functions.platform.errors import LocaleNotFound, PlaceholderMismatch
from functions.platform.message_store import Name
from shared import clock
from shared.errors import ValidationFailed
from shared.i18n import DEFAULT_LOCALE
from shared.sql.connection import Connection

COMMON = "common"
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_BRACES = frozenset({"{{", "}}"})
_NAMESPACE = re.compile(r"[a-z][a-z0-9_-]{0,49}")


@dataclass(frozen=True, slots=True)
class Written:
    """What a write came to: the locale's version, and each changed message before and after (None: there was or is none)."""

    version: int
    before: dict[str, str | None]
    after: dict[str, str | None]

    @property
    def updated(self) -> int:
        """How many messages are new or say something else."""
        return sum(value is not None for value in self.after.values())

    @property
    def deleted(self) -> int:
        """How many are gone."""
        return len(self.after) - self.updated


def full_name(name: Name) -> str:
    """A message's name in the catalogue of all namespaces: those of `common` stand alone, as `save`; `errors.not_found`."""
    namespace, key = name
    return key if namespace == COMMON and "." not in key else f"{namespace}.{key}"


def name_of(text: str, namespace: str | None) -> Name:
    """The reverse; within a namespace, the key is what it is called. Raises ValidationFailed for no namespace's name."""
    if namespace is not None:
        return namespace, text
    first, dot, rest = text.partition(".")
    if not dot:
        return COMMON, text
    if not _NAMESPACE.fullmatch(first):
        raise ValidationFailed([{"field": f"body.messages.{text}", "message": "namespace: [a-z][a-z0-9_-]{0,49}"}])
    return first, rest


def placeholders(text: str) -> list[str]:
    """The names in `{{name}}`, in order, each once; a brace pair that is none of them is kept as it stands."""
    rest = _PLACEHOLDER.sub("", text)
    return sorted({*_PLACEHOLDER.findall(text), *(pair for pair in _BRACES if pair in rest)})


def catalogue(db: Connection, locale: str, namespace: str | None) -> dict[str, str]:
    """Every message of a locale; those it lacks in the words of zh-CN."""
    rows = store.catalogue(db, locale, namespace)
    return {full_name((space, key)) if namespace is None else key: value for space, key, value in rows}


def write(db: Connection, locale: str, namespace: str | None, messages: Mapping[str, str | None]) -> Written:
    """Write messages; None deletes. What changes nothing leaves the version as it is.

    Writers take turns, so that versions are consecutive and no translation slips past a change of zh-CN.
    Raises LocaleNotFound or PlaceholderMismatch.
    """
    versions = store.locked_versions(db)
    if locale not in versions:
        raise LocaleNotFound
    wanted = {name_of(text, namespace): value for text, value in messages.items()}
    now = store.stored(db, list(wanted))
    _match(locale, wanted, now)
    changed = {name: value for name, value in wanted.items() if now[name].get(locale) != value}
    version = versions[locale]
    if changed:
        written = {name: value for name, value in changed.items() if value is not None}
        version = store.change(db, locale, written, [name for name in changed if name not in written], clock.now())
    return Written(
        version,
        before={full_name(name): now[name].get(locale) for name in changed},
        after={full_name(name): value for name, value in changed.items()},
    )


def _match(locale: str, wanted: Mapping[Name, str | None], now: Mapping[Name, Mapping[str, str]]) -> None:
    """A translation has the placeholders of zh-CN, whichever of the two is written; well-formed they are in any case."""
    wrong: list[dict[str, object]] = []
    for name, value in wanted.items():
        if value is None:
            continue
        found = placeholders(value)
        if locale == DEFAULT_LOCALE:
            others = {other: text for other, text in now[name].items() if other != locale}
        else:
            others = {other: text for other, text in now[name].items() if other == DEFAULT_LOCALE}
        if not _BRACES.isdisjoint(found):
            wrong.append({"key": full_name(name), "locale": locale, "expected": ["{{name}}"], "found": found})
        wrong += [
            {"key": full_name(name), "locale": other, "expected": placeholders(text), "found": found}
            for other, text in others.items()
            if placeholders(text) != found
        ]
    if wrong:
        raise PlaceholderMismatch(wrong)
