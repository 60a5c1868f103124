"""Finding users who behave abnormally (ADM-013, rules.md §17), from what is stored, once per window.

A rule says how many signs within how long are abnormal. The window opens with its first sign; once found, it is closed to
that rule and user until it is over. Rules look again at what they saw shortly before, since a sign may be committed late.
The rule on content waits for the domain that screens it (moderation has no such table yet).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal

from functions.identity.schemas.desk import AnomalyKind, Severity
from functions.identity.store import anomalies as store
from functions.identity.store.anomalies import Finding, Sign
from shared import clock, observe
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work

Signs = Callable[[Connection, datetime, datetime], list[Sign]]
_SHOWN = 20
_GRAVE = 2.0


@dataclass(frozen=True, slots=True)
class Rule:
    """`threshold` signs within `window` are abnormal; twice as many are grave."""

    name: str
    kind: AnomalyKind
    threshold: int
    window: timedelta
    severity: Severity
    signs: Signs

    def found(self, user_id: int, signs: Sequence[Sign], closed: Sequence[tuple[datetime, datetime]]) -> Iterator[Finding]:
        """The windows among one user's signs, in order of time, that are abnormal and not closed."""
        free = [sign for sign in signs if not any(start <= sign.at < end for start, end in closed)]
        while free:
            end = free[0].at + self.window
            within = [sign for sign in free if sign.at < end]
            if len(within) < self.threshold:
                free = free[1:]
                continue
            free = free[len(within) :]
            score = len(within) / self.threshold
            yield Finding(
                user_id=user_id,
                kind=self.kind,
                rule=self.name,
                severity="high" if score >= _GRAVE else self.severity,
                score=score,
                evidence={"count": len(within), "threshold": self.threshold, "signs": [one.what for one in within[:_SHOWN]]},
                window_start=within[0].at,
                window_end=end,
            )


def _security(kind: Literal["brute_force", "abnormal_login", "api_abuse"], why: str) -> Signs:
    return lambda db, since, until: store.security_signs(db, kind, why, since, until)


RULES = (
    Rule("lock_out", "login", 1, timedelta(hours=1), "high", _security("brute_force", "lock_out")),
    Rule("many_addresses", "login", 1, timedelta(hours=1), "medium", _security("abnormal_login", "impossible_frequency")),
    Rule("many_calls", "operation", 1, timedelta(minutes=5), "medium", _security("api_abuse", "many_calls")),
    Rule("failed_payments", "payment", 3, timedelta(hours=1), "medium", store.failed_payments),
)


def detect() -> int:
    """Every five minutes: apply every rule to what happened since it last looked; how many anomalies are new."""
    return sum(_apply(rule) for rule in RULES)


def _apply(rule: Rule) -> int:
    now = clock.now()
    with unit_of_work() as db:
        since = min(store.seen_until(db, rule.name, now), now) - store.overlap(rule.window)
        closed = store.windows(db, rule.name, since)
        signs = rule.signs(db, since, now)
        findings = [
            finding
            for user_id, of_user in groupby(signs, key=lambda sign: sign.user_id)
            for finding in rule.found(user_id, list(of_user), closed.get(user_id, ()))
        ]
        new = store.insert(db, findings, now)
        store.mark_seen(db, rule.name, now)
    if new:
        observe.warn("user anomalies", rule=rule.name, found=new)
        observe.count(f"anomaly_{rule.kind}", new)
    return new
