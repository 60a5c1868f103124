"""Works off the queue `sms`: makes one-time codes, and sends them and the letters that carry none by SMS."""

from functools import partial

from functions.identity.gateways import sms_aliyun
from functions.identity.service import mail
from shared.batch import each_message

handler = each_message(partial(mail.work_off, send=sms_aliyun.send), "identity.send_sms_code")
