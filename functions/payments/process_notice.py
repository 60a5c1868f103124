"""The queue of notices: each names one stored notice to work off."""

from functions.payments.service import notices
from shared.batch import each_message

handler = each_message(lambda body: notices.process(int(body["notice_id"])), consumer="payments.process_notice")
