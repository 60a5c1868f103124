"""The page a person opens to see what the laptop cloud is doing: addresses, logins, clock, mail."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3rem .8rem .3rem 0; vertical-align: top }
tr + tr { border-top: 1px solid #ddd } pre { white-space: pre-wrap; margin: 0; font: inherit } h2 { margin-top: 2rem }
button { font: inherit; margin-right: .4rem }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #ddd } a { color: #8ab4ff } tr + tr { border-color: #333 } }
"""
MOVE = """
for (const button of document.querySelectorAll("button")) button.onclick = async () => {
  await fetch("/_local/clock", { method: "POST", body: JSON.stringify({ advance: button.value }) }); location.reload()
}
"""


def render(
    *, links: Iterable[tuple[str, str]], clock: str, logins: Sequence[Mapping[str, str]], mails: Sequence[Mapping[str, str]]
) -> str:
    """The page as HTML; everything that did not come from this file is escaped."""
    moves = "".join(f'<button value="{by}">+{by}</button>' for by in ("1h", "1d", "7d", "31d"))
    addresses = ((f'<a href="{escape(url)}">{escape(name)}</a>', escape(url)) for name, url in links)
    accounts = (
        [f"<code>{escape(login.get(field) or '')}</code>" for field in ("role", "email", "password", "totp_secret")]
        for login in logins
    )
    letters = (
        [escape(mail["sent_at"]), escape(mail["to"]), f"<b>{escape(mail['subject'])}</b><pre>{escape(mail['text'])}</pre>"]
        for mail in mails
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>ShareStack on this machine</title><style>{STYLE}</style><h1>ShareStack on this machine</h1>"
        f"{_table(addresses)}<h2>Clock</h2><p>{escape(clock)}</p><p>{moves}</p>"
        f"<h2>Demo logins</h2>{_table(accounts)}<h2>Mailbox</h2>{_table(letters) if mails else '<p>No mail yet.</p>'}"
        f"<script>{MOVE}</script></html>"
    )


def _table(rows: Iterable[Iterable[str]]) -> str:
    return "<table>" + "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows) + "</table>"
