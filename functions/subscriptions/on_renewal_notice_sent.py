"""A subscriber was told about a renewal: from then on count the days before which nothing is debited."""

from events.identity import RenewalNoticeSent
from functions.subscriptions.service import renewal_answers
from shared.batch import on_fact

handler = on_fact(RenewalNoticeSent, renewal_answers.notice_sent, "subscriptions.on_renewal_notice_sent")
