"""The operators' part of the journey: a phone, a second factor, a role that changes under a live session, a proved log."""

from typing import TYPE_CHECKING, Any

import httpx

from infra.local.playing import House, Person

if TYPE_CHECKING:
    from infra.local.journey import Journey

PASSWORD = "Journey-2026"  # noqa: S105 - of people made up on a laptop
# The log is sealed every minute; a run that met a restarted database is made good by the next.
_SEALED_WITHIN_SECONDS = 150.0


class Operations:
    """Plays after the money journey, with its people."""

    def __init__(self, journey: "Journey") -> None:
        self.journey = journey
        self.house: House = journey.house

    def play(self) -> None:
        """The whole chapter."""
        self.by_phone()
        root = self.operator("root")
        admin_id = self.change_role(root)
        self.prove_log(root, admin_id)

    def by_phone(self) -> None:
        """Register and sign in with codes sent by SMS."""
        self.house.title("By phone")
        phone = "+86139" + "".join(filter(str.isdigit, self.journey.stamp))[-8:]
        person = Person(self.house, "caller")
        person.post(
            "/auth/register",
            {"phone": phone, "code": self.code(person, phone, "register"), "password": PASSWORD, "agree_terms": True},
        )
        pair = person.post_anew("/auth/login", {"phone": phone, "code": self.code(person, phone, "login")})
        person.token = pair["access_token"]
        shown = person.get("/users/profile")
        self.house.check(
            f"codes sent by SMS open an account and sign in; the number is shown as {shown['phone']}",
            holds=shown["phone_verified"] and "****" in shown["phone"],
        )
        devices = person.get("/users/sessions")["items"]
        self.house.check("both sessions are listed", holds=len(devices) == 2)  # noqa: PLR2004 - registered and signed in

    def code(self, person: Person, phone: str, purpose: str) -> str:
        """Ask for a code and read it in the SMS."""
        sent = len(self.house.local("GET", "/sms", to=phone)["items"])
        person.post("/auth/verification-codes", {"channel": "sms", "target": phone, "purpose": purpose})

        def newest() -> str:
            items: list[dict[str, Any]] = self.house.local("GET", "/sms", to=phone)["items"]
            digits = "".join(ch if ch.isdigit() else " " for ch in items[0]["text"]).split() if len(items) > sent else []
            return next((word for word in digits if len(word) == 6), "")  # noqa: PLR2004 - rules.md §3

        return self.house.until(f"an SMS to {phone}", newest)

    def operator(self, name: str) -> Person:
        """A seeded operator: first without, then with the one-time password."""
        self.house.title("Operators")
        login = self.journey.logins[name]
        refused = Person(self.house, name).call(
            "POST", "/admin/auth/login", {"email": login["email"], "password": login["password"]}
        )
        self.house.check(
            "a password alone does not let an operator in",
            holds=(refused.status_code, refused.json()["error"]) == (httpx.codes.UNAUTHORIZED, "totp_required"),
        )
        return self.journey.operator(name)

    def change_role(self, root: Person) -> int:
        """Appoint somebody, and change the role while they are signed in; the session follows."""
        clerk = self.journey.register("clerk")
        appointed = root.post("/admin/admins", {"user_id": clerk.uid, "role": "support"})
        email = self.journey.pairs["clerk"]["email"]
        signed = clerk.post_anew("/admin/auth/login", {"email": email, "password": PASSWORD})
        clerk.token = signed["access_token"]
        self.house.check(
            f"{email} is {signed['admin']['role']}, and may not look at verifications",
            holds=clerk.call("GET", "/admin/verifications").status_code == httpx.codes.FORBIDDEN,
        )
        root.ask("PUT", f"/admin/admins/{appointed['admin_id']}", {"role": "user_manager"})

        def followed() -> bool:
            """The token tells of a role that is no more, so it must be refreshed; the session itself goes on."""
            answered = clerk.call("GET", "/admin/verifications").status_code
            if answered == httpx.codes.UNAUTHORIZED:
                renewed = clerk.post_anew("/auth/refresh", {"refresh_token": signed["refresh_token"]})
                clerk.token = renewed["access_token"]
            return answered == httpx.codes.OK

        self.house.until("the live session to follow", followed)
        told = clerk.get("/admin/auth/permissions", check="verification:review")
        self.house.check(f"as {told['role']} the same session may review verifications", holds=told["allowed"])
        number: int = appointed["admin_id"]
        return number

    def prove_log(self, root: Person, admin_id: int) -> None:
        """What root did stands in the log, before and after, sealed; the chain proves itself."""
        self.house.title("The operators' log")
        rows = root.get("/admin/auth/operation-logs", resource_type="admin", resource_id=admin_id)["items"]
        changed = next(row for row in rows if {"before", "after"} <= set(row["details"]))
        self.house.say(
            f"{changed['operation']} of {admin_id}: {changed['details']['before']} → {changed['details']['after']}"
        )
        self.house.move_clock("2m")

        def sealed() -> bool:
            row = root.get("/admin/auth/operation-logs", resource_type="admin", resource_id=admin_id)["items"][0]
            return bool(row["hash"])

        self.house.until("the minute's seal", sealed, patience=_SEALED_WITHIN_SECONDS)
        proof = root.get("/admin/auth/operation-logs/verify")
        self.house.check(
            f"the hash chain over {proof['checked']} rows of both logs is unbroken",
            holds=proof["valid"] and proof["checked"] > 0 and proof["first_broken_id"] is None,
        )
