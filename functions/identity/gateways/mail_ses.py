"""Mail by Amazon SES v2."""

import os

from functions.identity.letters import Letter
from shared import aws


def send(address: str, letter: Letter) -> None:
    """Send a letter from the house's verified sender. SES knows no idempotency: the caller remembers what was taken."""
    aws.client("sesv2").send_email(
        FromEmailAddress=os.environ["MAIL_FROM"],
        Destination={"ToAddresses": [address]},
        Content={
            "Simple": {
                "Subject": {"Data": letter.subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": letter.text, "Charset": "UTF-8"}},
            }
        },
    )
