"""Telling applicants how their verification was decided."""

from events.identity import VerificationDecided
from functions.identity.letters import verification_letter
from functions.identity.service import mail
from functions.identity.store import contacts
from shared import observe
from shared.sql.connection import Connection


def tell(db: Connection, fact: VerificationDecided) -> None:
    """One letter for each decision, in the applicant's language, by the best way there is to them."""
    contact = contacts.find(db, fact.uid)
    if contact is None or contact.channel is None:
        observe.warn("applicant cannot be told", uid=fact.uid, verification_id=fact.verification_id)
        return
    letter = verification_letter(fact.kind, fact.status, fact.comment, contact.locale)
    mail.post(contact.target, letter, channel=contact.channel, letter_id=fact.event_id)
