"""One file out of the parts of an export, written as they are read: a ZIP with a README, or one JSON document."""

import json
import zipfile
from collections.abc import Iterator
from typing import Any, Final

from shared import aws
from shared.personal_data import EXPORTS, part_key
from shared.uploads import Upload, bucket

CONTENT_TYPES: Final = {"zip": "application/zip", "json": "application/json"}
Parts = dict[str, dict[str, Any]]
"""Domain → file → {count, zh, en}, as acknowledged."""

_CHUNK = 1024**2
_DOMAINS: Final = {
    "admin": ("运营与审计", "Operations"),
    "content": ("作品", "Works"),
    "finance": ("收入与提现", "Income and payouts"),
    "identity": ("账号", "Account"),
    "media": ("文件", "Files"),
    "payments": ("订单与支付", "Orders and payments"),
    "platform": ("系统", "System"),
    "subscriptions": ("订阅与购买", "Subscriptions and purchases"),
}
_README: Final = {
    "zh-CN": (
        "这是您在 ShareStack 的个人信息副本（《个人信息保护法》第四十五条）。",
        "每个文件是一个 JSON 列表，时间为 UTC，金额单位为分。证件号码、手机号和收款账号按规定作掩码处理；密码等安全凭据不导出。",
        "文件清单：",
        "条",
    ),
    "en": (
        "This is a copy of your personal information at ShareStack (Personal Information Protection Law, article 45).",
        (
            "Each file is a list in JSON; times are UTC, amounts are in fen. Id numbers, phone numbers and payout accounts "
            "are masked, as everywhere; passwords and other credentials are never exported."
        ),
        "Files:",
        "rows",
    ),
}


def pack_zip(out: Upload, request_id: str, parts: Parts, locale: str) -> None:
    """README.txt in the person's language, then every part; `out` is written once and never read back."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]  # writing needs no seek
        archive.writestr(_entry("README.txt"), _readme(parts, locale))
        for domain, files in parts.items():
            for file in files:
                with archive.open(_entry(f"{domain}/{file}"), "w", force_zip64=True) as entry:
                    for chunk in _chunks(request_id, domain, file):
                        entry.write(chunk)


def pack_json(out: Upload, request_id: str, parts: Parts) -> None:
    """One object: domain → file → its list."""
    out.write(b"{")
    for position, (domain, files) in enumerate(parts.items()):
        out.write(f"{',' if position else ''}\n{json.dumps(domain)}: {{".encode())
        for number, file in enumerate(files):
            out.write(f"{',' if number else ''}\n{json.dumps(file.removesuffix('.json'))}: ".encode())
            for chunk in _chunks(request_id, domain, file):
                out.write(chunk)
        out.write(b"}")
    out.write(b"\n}\n")


def _entry(name: str) -> zipfile.ZipInfo:
    """The same bytes whenever it is packed."""
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _chunks(request_id: str, domain: str, file: str) -> Iterator[bytes]:
    key = part_key(request_id, domain, file)
    yield from aws.client("s3").get_object(Bucket=bucket(EXPORTS), Key=key)["Body"].iter_chunks(_CHUNK)


def _readme(parts: Parts, locale: str) -> str:
    language = "en" if locale == "en" else "zh-CN"
    greeting, explained, listed, rows = _README[language]
    lines = [greeting, explained, "", listed]
    for domain, files in parts.items():
        if files:
            lines += ["", _DOMAINS.get(domain, (domain, domain))[language == "en"]]
        lines += [f"  {domain}/{file}: {said[language[:2]]} ({said['count']} {rows})" for file, said in files.items()]
    return "\n".join(lines) + "\n"
