"""Works off the queue `email`: makes and mails one-time codes, and mails the letters that carry none."""

from functools import partial

from functions.identity.gateways import mail_ses
from functions.identity.service import mail
from shared.batch import each_message

handler = each_message(partial(mail.work_off, send=mail_ses.send), "identity.send_email_code")
