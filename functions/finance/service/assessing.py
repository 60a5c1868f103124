"""The risk check (rules.md §7): who may be paid without anybody looking, and why a person has to look at the others."""

from datetime import timedelta

from functions.finance import models
from functions.finance.service.payees import Target
from functions.finance.store import withdrawals
from functions.finance.store.withdrawals import Standing
from functions.finance.withdrawal import Withdrawal
from functions.finance.words import REASONS
from shared import clock, crypto
from shared.money import BASIS_POINTS
from shared.sql.connection import Connection
from shared.sql.tunables import tunables_below


def standing_of(db: Connection, withdrawal: Withdrawal) -> Standing:
    """The creator's standing today."""
    return withdrawals.standing(db, withdrawal.creator_id, models.day_start(models.shanghai_day(clock.now())))


def reasons(db: Connection, withdrawal: Withdrawal, standing: Standing) -> list[str]:
    """Every reason there is; none means that nobody has to look."""
    rules = tunables_below(db, "finance.withdraw_")
    target = Target.unsealed(withdrawal)
    free = min(rules["approval_above"], rules["two_person_above"])
    allowed = rules["refund_ratio_bp"] * standing.sold
    found = {
        "large": withdrawal.amount > free,
        "debt_open": standing.owes,
        "first_withdrawal": rules["hold_first"] and not standing.ever_paid,
        "new_payee": rules["new_payee_days"] > 0 and not _is_known(db, withdrawal, target, rules["new_payee_days"]),
        "refund_ratio": standing.refunded * BASIS_POINTS > allowed,
        "payee_name": standing.real_name_masked != crypto.mask_name(target.name),
        "by_hand": withdrawal.method == "usdt",
    }
    return [reason for reason in REASONS if found[reason]]


def _is_known(db: Connection, withdrawal: Withdrawal, target: Target, days: int) -> bool:
    """Whether money reached this very account at least so many days ago; accounts are compared in the clear, never stored."""
    earlier = withdrawals.known_payees(db, withdrawal, clock.now() - timedelta(days=days))
    return any(Target.unsealed(paid) == target for paid in earlier)
