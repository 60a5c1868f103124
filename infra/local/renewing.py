"""A renewal that fails and recovers: an agreement signed, the debit announced, declined, tried again, paid."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

from infra.local.playing import House, Person, yuan

if TYPE_CHECKING:
    from infra.local.journey import Journey

_NOTICE_DAYS = 5
_BACKGROUND_SECONDS = 150.0


class Renewal:
    """Plays after the payments, with the reader's subscription."""

    def __init__(self, journey: "Journey") -> None:
        self.journey = journey
        self.house: House = journey.house
        self.number = journey.subscription_id

    @property
    def reader(self) -> Person:
        """Who subscribed."""
        return self.journey.people["reader"]

    def play(self) -> None:
        """The whole chapter."""
        self.house.title("A renewal that fails, and recovers")
        self.agree()
        ends = datetime.fromisoformat(self.subscription()["current_period_end"])
        self.announced(ends)
        self.declined(ends)
        self.recovered(ends)

    def subscription(self) -> dict[str, Any]:
        """The reader's subscription."""
        found: dict[str, Any] = self.reader.get(f"/subscriptions/status/{self.number}")
        return found

    def renewal(self) -> dict[str, Any]:
        """What will be debited, or was tried."""
        found: dict[str, Any] = self.reader.get(f"/subscriptions/renewals/{self.number}")
        return found

    def move_to(self, moment: datetime) -> None:
        """Move the clock a minute past a moment; tokens do not live that long."""
        now = datetime.fromisoformat(self.house.local("GET", "/clock")["now"])
        self.house.move_clock(f"{int((moment - now).total_seconds()) // 60 + 2}m")
        self.journey.relogin(self.reader)

    def agree(self) -> None:
        """The reader lets Alipay be debited each month."""
        made = self.reader.post(
            f"/subscriptions/auto-renew/{self.number}", {"channel": "alipay"}, key=f"renew-{self.journey.stamp}"
        )
        page = httpx.get(made["agreement"]["sign_url"], timeout=30)
        self.house.check("Alipay shows what is to be agreed to", holds=page.status_code == httpx.codes.OK)
        offered = self.house.local("GET", "/sandbox/alipay/agreements")["items"]
        waiting = next(one for one in offered if one["status"] == "TEMP")
        self.house.local("POST", "/sandbox/alipay/sign", {"external_no": waiting["external_no"]})
        told = self.house.until("the agreement", lambda: (r := self.renewal())["renews"] and r["means"] == "agreement" and r)
        self.house.check(
            f"{yuan(told['amount'])} will be debited on {told['due_at']} by the agreement", holds=told["due_at"] is not None
        )

    def announced(self, ends: datetime) -> None:
        """Five days before, the reader is told."""
        self.move_to(ends - timedelta(days=_NOTICE_DAYS, hours=1))
        told = self.house.until(
            "the notice", lambda: (r := self.renewal())["notified_at"] and r, patience=_BACKGROUND_SECONDS
        )
        notified = datetime.fromisoformat(told["notified_at"])
        self.house.check(
            f"the reader was told at {told['notified_at']}, {_NOTICE_DAYS} days before the debit",
            holds=ends - notified >= timedelta(days=_NOTICE_DAYS),
        )

    def declined(self, ends: datetime) -> None:
        """The account is empty on the day; the reader keeps reading."""
        self.house.local("POST", "/sandbox/alipay/behaviour", {"debit": "insufficient"})
        self.house.say("there is nothing in the reader's Alipay account")
        self.move_to(ends)
        self.house.until("the first try", lambda: self.subscription()["status"] == "past_due", patience=_BACKGROUND_SECONDS)
        told = self.renewal()
        self.house.check(
            f"the debit failed ({told['failure']}); the next try is at {told['next_attempt_at']}, access is kept till {told['grace_until']}",
            holds=told["tries"] == 1 and bool(told["next_attempt_at"]) and bool(self.reads()),
        )

    def recovered(self, ends: datetime) -> None:
        """A day later there is money."""
        self.house.local("POST", "/sandbox/alipay/behaviour", {"debit": "success"})
        self.move_to(datetime.fromisoformat(self.renewal()["next_attempt_at"]))
        after = self.house.until(
            "the second try", lambda: (s := self.subscription())["status"] == "active" and s, patience=_BACKGROUND_SECONDS
        )
        begins, until = (datetime.fromisoformat(after[f"current_period_{edge}"]) for edge in ("start", "end"))
        self.house.check(
            f"it is paid, and goes on from the end of the last period until {until.isoformat()}",
            holds=begins == ends and until > ends + timedelta(days=27),
        )

    def reads(self) -> bool:
        """Whether the reader may read what subscribers may."""
        return bool(self.reader.get("/subscriptions/access-check", content_id=self.journey.article["content_id"])["allowed"])
