import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.content.markup import Heading, reading_minutes, removed, render, sanitise, text_of, word_count

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='JaVa\tScRiPt:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<iframe src='https://evil.example'></iframe>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<div style='position:fixed;top:0'>x</div>",
    "<p onclick=alert(1)>x</p>",
    "<form action=https://evil.example><input name=password></form>",
    "<style>body{display:none}</style>",
    "<base href=https://evil.example>",
    "<object data=x></object><embed src=x>",
    '<h2 title="<h2>" onclick=x>t</h2>',
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    '<a title="<h2>">x</a>',
]
DANGER = re.compile(
    r"<(script|iframe|svg|math|form|input|style|base|object|embed|link|meta)|\son\w+\s*=|javascript:|position", re.IGNORECASE
)


@pytest.mark.parametrize("html", HOSTILE)
@pytest.mark.parametrize("body_format", ["markdown", "richtext"])
def test_nothing_that_runs_gets_through(html, body_format):
    found = render(f"before\n\n{html}\n\nafter", body_format).html

    assert not DANGER.search(re.sub(r'"[^"]*"', "", found))
    assert "javascript:" not in found.lower()
    assert "before" in found


@given(
    st.text(alphabet=st.sampled_from(list("<>\"'/=! \n&;:()#*_`[]-hscriptaonjv123"))),
    st.sampled_from(["markdown", "richtext"]),
)
def test_rendering_is_as_safe_as_sanitising_once_more(body, body_format):
    html = re.sub(r'(<h[1-6]) id="section-\d+"', r"\1", render(body, body_format).html)

    assert sanitise(html) == html


def test_a_heading_in_an_attribute_is_no_heading():
    found = render('<a href="/x" title="<h2>evil</h2>">link</a><h2>true</h2>', "richtext")

    assert found.headings == (Heading(2, "true", "section-1"),)
    assert found.html.count("id=") == 1


def test_markdown_is_commonmark_with_tables_and_links_that_pass_nothing_on():
    found = render("# 标题 *一*\n\na **b** [c][r]\n\n| x | y |\n|--:|---|\n| 1 | 2 |\n\n[r]: https://e.example", "markdown")

    assert found.html.startswith('<h1 id="section-1">标题 <em>一</em></h1>')
    assert '<a href="https://e.example" rel="noopener noreferrer nofollow">c</a>' in found.html
    assert '<td style="text-align:right">1</td>' in found.html
    assert found.text == "标题 一\na b c\nx\ny\n1\n2"
    assert found.headings == (Heading(1, "标题 一", "section-1"),)


def test_mathematics_stays_the_text_it_was():
    assert render("price $5, $a_b*c*d_e$ end", "markdown").text == "price $5, $a_b*c*d_e$ end"
    assert render("$$\n\\sum_i a*b*c < 2\n$$", "markdown").text == "$$\n\\sum_i a*b*c < 2\n$$"


def test_code_keeps_its_language_and_no_other_class():
    assert 'class="language-python"' in render("```python\nx\n```", "markdown").html
    assert "class" not in render('<code class="evil language-x">y</code>', "richtext").html


def test_what_was_left_out_is_said():
    body = "<script>x</script>\n\n<p onclick=x>t</p> <a href='javascript:x'>y</a> <a href='/ok'>z</a><iframe src=x></iframe>"

    assert removed(body, "markdown") == ["a.href", "iframe", "p.onclick", "script"]
    assert removed("**fine** [x](https://e.example)", "markdown") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("hello world", 2), ("你好，世界", 4), ("用 Python 3 写", 4), ("カタカナ", 4), ("don't", 2), ("a_b", 2)],
)
def test_words_are_counted_for_chinese_and_english(text, words):
    assert word_count(text) == words


def test_reading_time_is_rounded_up():
    assert [reading_minutes(words) for words in (0, 1, 300, 301)] == [0, 1, 1, 2]


@given(st.text())
def test_no_text_breaks_rendering(body):
    for body_format in ("markdown", "richtext"):
        rendered = render(body, body_format)
        assert text_of(rendered.html) == rendered.text


@pytest.mark.parametrize(
    "body", ["<" * 200_000, "<a " * 60_000, "[" * 50_000, "*a_" * 50_000, "> " * 50_000, "<!--" * 50_000]
)
def test_a_text_made_to_be_slow_is_rendered_all_the_same(body):
    assert isinstance(render(body, "markdown").html, str)
    assert isinstance(removed(body, "markdown"), list)
