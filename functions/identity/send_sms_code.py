"""Works off the queue `sms`: makes one-time codes and sends them by SMS."""

from functools import partial

from functions.identity.gateways import sms_aliyun
from functions.identity.service import codes
from shared.batch import each_message

handler = each_message(partial(codes.send, deliver=sms_aliyun.send), "identity.send_sms_code")
