"""What a file really is, from its first bytes; its name and declared type are only claims."""

from collections.abc import Callable

HEAD_BYTES = 4096
"""How much of a file `sniff` wants to see."""

# The EICAR test string, in two halves so that no scanner takes this source for it.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
)
_OFFICE = {
    b"word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
# Text that a browser would run or draw, whatever it is called.
_ACTIVE_TEXT = (b"<!doctype", b"<html", b"<svg", b"<?xml", b"<script", b"<body", b"<iframe", b"#!", b"<?php", b"%!ps")
_TEXT_CONTROL = frozenset(range(0x20)) - frozenset(b"\t\n\r\f\x1b")


def sniff(head: bytes) -> str | None:
    """The media type of a file that begins like this, or None when it is nothing we take."""
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    for family in (_riff, _iso_media, _matroska, _mpeg_audio, _zip, _text):
        if (found_by := family(head)) is not None:
            return found_by
    return None


def _riff(head: bytes) -> str | None:
    return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(head[8:12]) if head.startswith(b"RIFF") else None


def _iso_media(head: bytes) -> str | None:
    if head[4:8] != b"ftyp":
        return None
    brand = head[8:12]
    if brand in {b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1"}:
        return None
    return {b"qt  ": "video/quicktime", b"M4A ": "audio/mp4", b"M4B ": "audio/mp4"}.get(brand, "video/mp4")


def _matroska(head: bytes) -> str | None:
    return "video/webm" if head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head[:64] else None


def _mpeg_audio(head: bytes) -> str | None:
    """Frame sync of MPEG layer I-III, or of ADTS, which is the one with layer bits 00."""
    if len(head) < 2 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:  # noqa: PLR2004 - eleven bits of frame sync
        return None
    layer = head[1] & 0x06
    if layer == 0:
        return "audio/aac" if head[1] & 0xF0 == 0xF0 else None  # noqa: PLR2004 - twelve bits of ADTS sync
    return "audio/mpeg"


def _zip(head: bytes) -> str | None:
    if not head.startswith(b"PK\x03\x04"):
        return None
    if b"mimetypeapplication/epub+zip" in head[:80]:
        return "application/epub+zip"
    for folder, found in _OFFICE.items():
        if folder in head and b"[Content_Types].xml" in head:
            return found
    return "application/zip"


def _text(head: bytes) -> str | None:
    """Plain text in UTF-8 or GB 18030, and nothing a browser would take for a page."""
    if not head or any(byte in _TEXT_CONTROL for byte in head):
        return None
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_ACTIVE_TEXT) or any(mark in head.lower() for mark in (b"<script", b"<svg", b"<html", b"<iframe")):
        return None
    return "text/plain" if any(_decodes(head, encoding) for encoding in ("utf-8", "gb18030")) else None


def _decodes(head: bytes, encoding: str) -> bool:
    """Whether this is text in the encoding; its last character may have been cut in two."""
    for cut in range(4):
        try:
            head[: len(head) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


def same_type(declared: str, detected: str | None) -> bool:
    """Whether a file may be called what it was declared to be."""
    return declared == detected or (detected is not None and declared in _ALSO_CALLED.get(detected, ()))


# An office file may show its own parts too late for the head; containers say nothing of video beside audio.
_ALSO_CALLED: dict[str, tuple[str, ...]] = {
    "text/plain": ("text/markdown", "text/csv"),
    "video/mp4": ("audio/mp4",),
    "application/zip": tuple(_OFFICE.values()),
}


def malware_watch() -> Callable[[bytes], bool]:
    """A function to call with every chunk of a file in turn: True once a known malware signature has passed."""
    seen = False
    tail = b""

    def watch(chunk: bytes) -> bool:
        nonlocal seen, tail
        window = tail + chunk
        seen = seen or EICAR in window
        tail = window[-len(EICAR) + 1 :]
        return seen

    return watch
