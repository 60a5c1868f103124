import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.media.models import (
    MULTIPART_ABOVE,
    PART_BYTES,
    canonical_type,
    inline_allowed,
    kind_of,
    part_sizes,
    rendition_key,
    safe_name,
)


@given(st.text())
def test_a_safe_name_is_short_plain_and_no_path(filename):
    name = safe_name(filename)

    assert re.fullmatch(r"[A-Za-z0-9._-]{1,80}", name)
    assert name not in {".", ".."}
    assert not name.startswith(("-", "."))


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("a photo.JPG", "a-photo.JPG"),
        ("../../etc/passwd", "passwd"),
        ("C:\\dir\\x.png", "x.png"),
        ("照片.png", "png"),
        ("。", "file"),
        ("x" * 200 + ".pdf", "x" * 76 + ".pdf"),
    ],
)
def test_a_safe_name_keeps_what_it_can(filename, name):
    assert safe_name(filename) == name


@given(st.integers(MULTIPART_ABOVE + 1, 5 * 1024**3))
def test_parts_add_up_and_only_the_last_may_be_small(size):
    parts = part_sizes(size)

    assert sum(parts) == size
    assert all(part == PART_BYTES for part in parts[:-1])
    assert 0 < parts[-1] <= PART_BYTES
    assert len(parts) <= 10_000


@pytest.mark.parametrize(
    ("declared", "content_type", "kind"),
    [
        ("IMAGE/JPG", "image/jpeg", "image"),
        ("video/mp4; codecs=avc1", "video/mp4", "video"),
        ("audio/x-m4a", "audio/mp4", "audio"),
        ("application/x-zip-compressed", "application/zip", "other"),
        ("image/svg+xml", "image/svg+xml", None),
        ("text/html", "text/html", None),
    ],
)
def test_declared_types_have_one_spelling_and_a_kind(declared, content_type, kind):
    assert canonical_type(declared) == content_type
    assert kind_of(content_type) == kind


def test_text_is_never_shown_in_place():
    assert [inline_allowed(kind) for kind in ("image/png", "application/pdf", "text/plain", "application/zip")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_key_of_a_rendition_depends_on_the_bytes_of_its_original():
    assert rendition_key(5, 2, "w640", "ab" * 32) == "r/5/v2/w640-abababababababababab.webp"
