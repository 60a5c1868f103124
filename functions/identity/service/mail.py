"""Letters that carry no code: written where something happened, sent by the worker of the queue `email` or `sms`, once."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from functions.identity import letters
from functions.identity.models import Channel
from functions.identity.service import codes
from functions.identity.store import letters as store
from shared import aws
from shared.i18n import Locale
from shared.ids import new_ulid


class Outgoing(BaseModel):
    """What travels through the queue. Without a target nothing is sent: see `post`."""

    letter_id: str
    target: str | None
    subject: str
    text: str
    locale: Locale
    template: str
    values: Mapping[str, str]


def post(target: str | None, letter: letters.Letter, *, channel: Channel = "email", letter_id: str | None = None) -> None:
    """Have a letter sent. Without a target the same is done up to the queue, so that nobody can tell from outside.

    Who may ask twice for one letter gives it an id.
    """
    wanted = Outgoing(
        letter_id=letter_id or new_ulid(),
        target=target,
        subject=letter.subject,
        text=letter.text,
        locale=letter.locale,
        template=letter.template,
        values=letter.values,
    )
    aws.client("sqs").send_message(QueueUrl=os.environ[f"QUEUE_{channel.upper()}"], MessageBody=wanted.model_dump_json())


def work_off(body: dict[str, Any], send: Callable[[str, letters.Letter], None]) -> None:
    """One message of a queue: a letter to deliver, or a code to make and deliver."""
    if "letter_id" in body:
        deliver(body, send)
    else:
        codes.send(body, send)


def deliver(body: dict[str, Any], send: Callable[[str, letters.Letter], None]) -> None:
    """Send a letter from the queue; one that was sent already is not sent again."""
    wanted = Outgoing.model_validate(body)
    if wanted.target is None or store.was_sent(wanted.letter_id):
        return
    send(wanted.target, letters.Letter(wanted.subject, wanted.text, "", wanted.locale, wanted.template, wanted.values))
    store.note_sent(wanted.letter_id)
