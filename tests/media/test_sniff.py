import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.media.sniff import EICAR, malware_watch, same_type, sniff
from tests.media import files

MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2mp41"


def archive(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in names:
            made.writestr(name, "application/epub+zip" if name == "mimetype" else "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (files.jpeg(20, 20), "image/jpeg"),
        (files.png(), "image/png"),
        (files.gif(), "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (files.MP3, "audio/mpeg"),
        (b"\xff\xfb\x90\x64" + b"\0" * 50, "audio/mpeg"),
        (b"\xff\xf1\x50\x80" + b"\0" * 50, "audio/aac"),
        (b"OggS\0\2", "audio/ogg"),
        (b"fLaC\0", "audio/flac"),
        (MP4, "video/mp4"),
        (MP4.replace(b"isom", b"qt  ", 1), "video/quicktime"),
        (MP4.replace(b"isom", b"M4A ", 1), "audio/mp4"),
        (MP4.replace(b"isom", b"heic", 1), None),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska", None),
        (files.PDF, "application/pdf"),
        (archive("a.txt"), "application/zip"),
        (archive("mimetype"), "application/epub+zip"),
        (
            archive("[Content_Types].xml", "word/document.xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (b"plain, \xe4\xb8\xad\xe6\x96", "text/plain"),
        ("中文".encode("gb18030"), "text/plain"),
        (b"\xef\xbb\xbfa,b\n1,2\n", "text/plain"),
        (files.EXE, None),
        (b"\x7fELF\2\1\1", None),
        (b"#!/bin/sh\nrm -rf /\n", None),
        (files.SVG, None),
        (b"\n\n  " + files.SVG, None),
        (b'<?xml version="1.0"?>' + files.SVG, None),
        (files.HTML, None),
        (b"hello <ScRiPt>alert(1)</script>", None),
        (b"", None),
        (b"\0\1\2\3", None),
    ],
)
def test_a_file_is_known_by_how_it_begins(head, found):
    assert sniff(head) == found


@given(st.binary(max_size=300))
def test_no_bytes_break_the_sniffer(head):
    assert sniff(head) is None or "/" in str(sniff(head))


@pytest.mark.parametrize(
    ("declared", "detected", "same"),
    [
        ("image/png", "image/png", True),
        ("image/png", "image/jpeg", False),
        ("image/png", None, False),
        ("text/markdown", "text/plain", True),
        ("audio/mp4", "video/mp4", True),
        ("video/mp4", "audio/mp4", False),
        ("application/zip", "text/plain", False),
    ],
)
def test_a_declared_type_must_be_the_detected_one_or_another_name_for_it(declared, detected, same):
    assert same_type(declared, detected) is same


@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(1, 100))
def test_malware_is_seen_wherever_it_begins_and_however_it_is_cut(before, after, size):
    data = before + EICAR + after
    watch = malware_watch()

    verdicts = [watch(data[start : start + size]) for start in range(0, len(data), size)]

    assert verdicts[-1]


def test_almost_malware_is_none():
    watch = malware_watch()

    assert not watch(EICAR[:-1])
    assert not watch(b"x" + EICAR[:-1])
