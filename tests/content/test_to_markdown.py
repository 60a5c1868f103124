import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.content.markup import render
from functions.content.to_markdown import to_markdown

WORDS = st.text(alphabet="ab 中。*_`[]()#-+1.!>|~$\\&<", min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<h2>Title</h2><p>a <b>b</b> <i>c</i></p>", "## Title\n\na **b** *c*\n"),
        ("<p>1. not a list</p><p># not a title</p>", "1\\. not a list\n\n\\# not a title\n"),
        ("<ul><li>a</li><li><p>b</p><ol start=3><li>c</li></ol></li></ul>", "- a\n- b\n\n  3. c\n"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b\n"),
        ('<pre><code class="language-py">x = 1\n</code></pre>', "```py\nx = 1\n```\n"),
        ("<p><code>a`b</code></p>", "``a`b``\n"),
        ('<p><a href="https://e.example/a b">x</a><br>y</p>', "[x](<https://e.example/a%20b>)\\\ny\n"),
        ('<p><img src="/x.png" alt="pic"></p><hr>', "![pic](</x.png>)\n\n---\n"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1|2</td></tr></table>", "| a | b |\n| --- | --- |\n| 1\\|2 |  |\n"),
        ("<script>alert(1)</script><p onclick=x>safe</p>", "safe\n"),
        ("loose <u>text</u><p>and a paragraph</p>", "loose text\n\nand a paragraph\n"),
        ("", ""),
    ],
)
def test_rich_text_becomes_the_markdown_a_person_would_write(html, markdown):
    assert to_markdown(html) == markdown


@given(st.lists(st.tuples(st.sampled_from(["p", "h1", "h3", "blockquote", "li", "pre", "b", "em"]), WORDS), max_size=8))
def test_converting_loses_no_text(parts):
    wrap = {
        "li": "<ul><li>{}</li></ul>",
        "pre": "<pre><code>{}</code></pre>",
        "blockquote": "<blockquote><p>{}</p></blockquote>",
    }
    html = "".join(
        wrap.get(tag, f"<{tag}>{{}}</{tag}>").format(words.replace("&", "&amp;").replace("<", "&lt;"))
        for tag, words in parts
    )

    there_and_back = render(to_markdown(html), "markdown").text

    assert re.sub(r"\s+", "", there_and_back) == re.sub(r"\s+", "", render(html, "richtext").text)
