"""Telling subscribers about their renewals."""

from events.identity import RenewalNoticeSent
from events.subscriptions import RenewalNoticeDue
from functions.identity.renewal_letters import renewal_letter
from functions.identity.service import mail
from functions.identity.store import contacts
from shared import clock, observe
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection


def tell(db: Connection, fact: RenewalNoticeDue) -> None:
    """One letter for each notice, in the subscriber's language, by the best way there is to them.

    Who cannot be reached was not told: without that word nothing is debited (docs/renewals.md).
    """
    contact = contacts.find(db, fact.user_id)
    if contact is None or contact.channel is None:
        observe.warn("subscriber cannot be told", uid=fact.user_id, notice_id=fact.notice_id)
        return
    mail.post(
        contact.target,
        renewal_letter(fact, contact.locale),
        channel=contact.channel,
        letter_id=f"renewal-notice-{fact.notice_id}",
    )
    now = clock.now()
    outbox.record(
        db,
        RenewalNoticeSent(
            event_id=new_ulid(),
            occurred_at=now,
            notice_id=fact.notice_id,
            uid=fact.user_id,
            channel=contact.channel,
            sent_at=now,
        ),
    )
