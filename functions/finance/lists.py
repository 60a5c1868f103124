"""The lists of finance: earnings, settlements, payouts."""

from datetime import date
from typing import Any

from functions.finance import models, words
from functions.finance.schemas import EarningOut, SettlementOut
from functions.finance.withdrawal_schemas import QueuedWithdrawalOut, ReasonOut, SendOut, WithdrawalOut
from shared.i18n import Locale
from shared.sql.listing import Listing
from shared.views.profiles import UserBrief

EARNINGS: Listing[EarningOut] = Listing(
    columns="""e.earning_id, e.order_no, e.gross, e.channel_fee, e.platform_amount, e.creator_amount, e.status,
        e.created_at""",
    source="finance.creator_earnings e",
    key=("earning_id", "e.earning_id"),
    sorts={"created_at": "e.created_at", "gross": "e.gross", "creator_amount": "e.creator_amount"},
    default_sort="created_at",
    filters={
        "creator_id": "e.creator_id = %(creator_id)s",
        "since": "e.created_at >= %(since)s",
        "until": "e.created_at < %(until)s",
    },
)

SETTLEMENTS: Listing[SettlementOut] = Listing(
    columns="""s.settlement_id, s.creator_id, s.period_start, s.period_end, s.gross, s.channel_fee, s.refund,
        s.platform_amount, s.creator_amount, s.status, s.settled_at""",
    source="finance.settlements s",
    key=("settlement_id", "s.settlement_id"),
    sorts={"period_start": "s.period_start", "creator_amount": "s.creator_amount"},
    default_sort="period_start",
    filters={
        "creator_id": "s.creator_id = %(creator_id)s",
        "status": "s.status = %(status)s",
        "first_day": "s.period_end >= %(first_day)s",
        "last_day": "s.period_start <= %(last_day)s",
    },
)

WITHDRAWALS: Listing[WithdrawalOut] = Listing(
    columns="""w.withdrawal_id, w.amount, w.fee, w.amount - w.fee AS net, w.method, w.account_masked, w.status,
        w.created_at""",
    source="finance.withdrawal_requests w",
    key=("withdrawal_id", "w.withdrawal_id"),
    sorts={"created_at": "w.created_at", "amount": "w.amount"},
    default_sort="created_at",
    filters={"creator_id": "w.creator_id = %(creator_id)s", "status": "w.status = %(status)s"},
)

QUEUE: Listing[QueuedWithdrawalOut] = Listing(
    columns="""w.withdrawal_id, w.amount, w.fee, w.amount - w.fee AS net, w.method, w.account_masked, w.status,
        w.created_at, w.account, w.request_no, w.rate::text AS rate, w.units, w.reasons,
        ARRAY(SELECT a.approver FROM finance.withdrawal_approvals a WHERE a.withdrawal_id = w.withdrawal_id
            ORDER BY a.at) AS approvals,
        jsonb_build_object('user_id', w.creator_id, 'username', coalesce(p.username, ''),
            'display_name', coalesce(p.display_name, ''), 'avatar_url', p.avatar_url) AS creator""",
    source="finance.withdrawal_requests w LEFT JOIN identity.pub_profiles p ON p.uid = w.creator_id",
    key=("withdrawal_id", "w.withdrawal_id"),
    sorts={"created_at": "w.created_at", "amount": "w.amount"},
    default_sort="created_at",
    filters={
        "status": "w.status = %(status)s",
        "creator_id": "w.creator_id = %(creator_id)s",
        "method": "w.method = %(method)s",
    },
)


def days(date_from: date | None, date_to: date | None) -> dict[str, object]:
    """The filters `since` and `until` of whole days in Shanghai, the last one included."""
    return {
        "since": models.day_start(date_from) if date_from else None,
        "until": models.day_end(date_to) if date_to else None,
    }


def earning(row: dict[str, Any]) -> EarningOut:
    """One earning."""
    return EarningOut.model_construct(**{name: row[name] for name in EarningOut.model_fields})


def settlement(row: dict[str, Any]) -> SettlementOut:
    """One settlement."""
    return SettlementOut.model_construct(**{name: row[name] for name in SettlementOut.model_fields})


def withdrawal(row: dict[str, Any]) -> WithdrawalOut:
    """One payout."""
    return WithdrawalOut.model_construct(**{name: row[name] for name in WithdrawalOut.model_fields})


def queued(row: dict[str, Any], locale: Locale, send: SendOut | None) -> QueuedWithdrawalOut:
    """One payout with its creator, and what staff has to know of it."""
    fields = {name: row[name] for name in (*WithdrawalOut.model_fields, "approvals")}
    reasons = [ReasonOut.model_construct(reason=code, message=words.reason(code, locale)) for code in row["reasons"]]
    creator = UserBrief.model_construct(**row["creator"])
    return QueuedWithdrawalOut.model_construct(**fields, creator=creator, reasons=reasons, send=send)
