"""Works off the queue `email`: makes and mails one-time codes."""

from functools import partial

from functions.identity.gateways import mail_ses
from functions.identity.service import codes
from shared.batch import each_message

handler = each_message(partial(codes.send, deliver=mail_ses.send), "identity.send_email_code")
