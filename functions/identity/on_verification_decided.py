"""Hears that a verification was decided: tells the applicant."""

from events.identity import VerificationDecided
from functions.identity.service import verification_notices
from shared.batch import on_fact

handler = on_fact(VerificationDecided, verification_notices.tell, "identity.on_verification_decided")
