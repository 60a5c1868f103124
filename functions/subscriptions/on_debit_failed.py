"""A debit took no money: access is kept for a while, and it is tried again on other days."""

from events.payments import DebitFailed
from functions.subscriptions.service import renewal_answers
from shared.batch import on_fact

handler = on_fact(DebitFailed, renewal_answers.debit_failed, "subscriptions.on_debit_failed")
