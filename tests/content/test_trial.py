import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.content.markup import blocks, render, sanitise, text_of
from functions.content.trial import ELLIPSIS, NOTHING, trial, weight

PARAGRAPH = st.text(alphabet="abc 中文。*_`<>&[]()!#-\\", min_size=1, max_size=60)
TEXTS = st.lists(
    st.one_of(
        PARAGRAPH,
        PARAGRAPH.map("# {}".format),
        PARAGRAPH.map("- one\n- {}".format),
        PARAGRAPH.map("```\n{}\n```".format),
        PARAGRAPH.map("<div>{}</div>".format),
        PARAGRAPH.map("<!-- {} -->".format),
        st.just("![picture](https://e.example/x.png)"),
        st.just("| a | b |\n|---|---|\n| 1 | 2 |"),
        st.just("[ref]: https://e.example/secret"),
        st.just("---"),
    ),
    max_size=12,
).map("\n\n".join)
FORMATS = st.sampled_from(["markdown", "richtext"])


def squeezed(text):
    return re.sub(r"\s+", "", text)


@given(TEXTS, FORMATS, st.integers(0, 99))
def test_a_trial_is_the_beginning_never_longer_than_allowed_and_leaks_nothing_of_the_rest(body, body_format, percent):
    parts = blocks(body, body_format)
    allowed = sum(map(weight, parts)) * percent // 100
    given_away = trial(body, body_format, percent)

    shown = text_of(given_away.html)
    whole = squeezed("\n".join(part.text for part in parts))
    assert whole.startswith(squeezed(shown.removesuffix(ELLIPSIS)))
    assert len(shown.removesuffix(ELLIPSIS).replace("\n", "")) <= allowed
    assert given_away.html.count("<img") * 200 <= allowed


@given(TEXTS, FORMATS, st.integers(0, 100))
def test_a_trial_never_breaks_markup(body, body_format, percent):
    html = trial(body, body_format, percent).html

    assert re.sub(r' id="section-\d+"', "", sanitise(html)) == re.sub(r' id="section-\d+"', "", html)


@given(TEXTS, st.integers(1, 99))
def test_the_source_of_a_trial_shows_the_same_text_as_its_html(body, percent):
    part = trial(body, "richtext", percent)

    assert squeezed(render(part.body, "richtext").text) == squeezed(text_of(part.html))


@given(TEXTS, FORMATS, st.integers(0, 98))
def test_more_percent_never_shows_less(body, body_format, percent):
    fewer, more = (
        squeezed(text_of(trial(body, body_format, p).html)).removesuffix(ELLIPSIS) for p in (percent, percent + 1)
    )

    assert more.startswith(fewer) or len(more) >= len(fewer) // 2


def article(paragraphs=10, length=100):
    return "\n\n".join(f"P{number} " + "x" * (length - 3) for number in range(paragraphs))


@pytest.mark.parametrize(("percent", "shown"), [(0, 0), (10, 1), (19, 1), (20, 2), (55, 5), (99, 9), (100, 10)])
def test_an_article_of_ten_paragraphs_is_cut_between_them(percent, shown):
    part = trial(article(), "markdown", percent)

    assert re.findall(r"P\d", part.body) == [f"P{number}" for number in range(shown)]
    assert part.html.count("<p>") == shown


def test_where_no_paragraph_fits_the_first_sentences_of_one_are_shown():
    body = "# Title\n\nFirst *sentence*. Second one! " + "And very much more of it. " * 20

    part = trial(body, "markdown", 10)

    assert part.html == "<h1>Title</h1>\n<p>First sentence. Second one! And very much more of…</p>"
    assert render(part.body, "markdown").text == text_of(part.html)


def test_a_single_paragraph_is_never_given_away_whole():
    assert trial("短" * 50, "markdown", 10).html == "<p>短短短短短…</p>"
    assert trial("短", "markdown", 50) == NOTHING


def test_a_comment_weighs_as_much_as_it_hides():
    body = "<!-- " + "the paid part " * 50 + "-->\n\n" + "text " * 10

    assert "paid" not in trial(body, "markdown", 50).body


def test_images_count_like_short_paragraphs():
    body = "\n\n".join(["intro " * 20] + ["![x](https://e.example/x.png)"] * 10)

    assert trial(body, "markdown", 30).html.count("<img") == 2


def test_references_defined_at_the_end_work_in_the_trial():
    body = "See [this][r].\n\n" + article() + "\n\n[r]: https://e.example/page"

    assert 'href="https://e.example/page"' in trial(body, "markdown", 20).html


@pytest.mark.parametrize("body", [None, "", "   \n"])
def test_without_a_text_there_is_no_trial(body):
    assert trial(body, "markdown", 50).html == ""
