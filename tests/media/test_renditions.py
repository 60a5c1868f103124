import io
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from functions.media.renditions import ImageRefused, render
from tests.media import files


@pytest.mark.parametrize(
    ("width", "steps"),
    [
        (1, [("w320", 1)]),
        (320, [("w320", 320)]),
        (321, [("w320", 320), ("w640", 321)]),
        (640, [("w320", 320), ("w640", 640)]),
        (900, [("w320", 320), ("w640", 640), ("w1280", 900)]),
        (3000, [("w320", 320), ("w640", 640), ("w1280", 1280)]),
    ],
)
def test_renditions_shrink_and_never_grow(width, steps):
    picture = render(files.png(width, 10), "image/png")

    assert [(made.name, made.width) for made in picture.renditions] == steps


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 1500), st.integers(1, 1500))
def test_renditions_keep_the_shape(width, height):
    for made in render(files.png(width, height, "L"), "image/png").renditions:
        assert made.width <= width
        assert made.height <= height
        assert abs(made.height - made.width * height / width) <= max(1, height / width)


def test_an_image_higher_than_webp_allows_is_shrunk_to_fit():
    (made,) = render(files.png(10, 40_000, "L"), "image/png").renditions

    assert (made.width, made.height) == (4, 16_383)


def test_transparency_is_kept_and_other_colour_models_become_rgb():
    assert Image.open(io.BytesIO(render(files.png(), "image/png").renditions[0].data)).mode == "RGBA"
    out = io.BytesIO()
    Image.new("CMYK", (30, 20)).save(out, "JPEG")
    assert Image.open(io.BytesIO(render(out.getvalue(), "image/jpeg").renditions[0].data)).mode == "RGB"


def test_an_animation_is_shown_by_its_first_frame():
    picture = render(files.gif(), "image/gif")

    assert (picture.width, picture.height) == (400, 300)
    assert not getattr(Image.open(io.BytesIO(picture.renditions[0].data)), "is_animated", False)


@pytest.mark.parametrize("side", [7072, 30_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side):
    with pytest.raises(ImageRefused) as refused:
        render(files.png_bomb(side), "image/png")

    assert refused.value.reason == "image_too_large"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_image_is_refused_or_drawn_but_never_breaks_the_inspector(data):
    kind, whole = data.draw(
        st.sampled_from([("image/jpeg", files.jpeg(64, 64)), ("image/png", files.png()), ("image/gif", files.gif())])
    )
    place = data.draw(st.integers(8, len(whole) - 1))
    damaged = whole[:place] + data.draw(st.binary(max_size=20)) + whole[place + data.draw(st.integers(0, 40)) :]

    with suppress(ImageRefused):
        assert render(damaged, kind).renditions


def test_an_image_is_read_as_what_it_was_found_to_be_only():
    with pytest.raises(ImageRefused):
        render(files.png(), "image/jpeg")
