import pytest


def render(content, token, body, format_="markdown", to="html"):
    return content.post("/editor/render", {"format": format_, "body": body, "to": to}, token=token)


def test_the_editor_gets_html_text_contents_and_numbers(content, reader):
    found = render(content, reader, "# 一\n\nHello **world** <script>x</script>\n\n## Two").data

    assert found["output"].startswith('<h1 id="section-1">一</h1>\n<p>Hello <strong>world</strong>')
    assert "script" not in found["output"]
    assert found["text"] == "一\nHello world\nTwo"
    assert found["toc"] == [
        {"level": 1, "title": "一", "anchor": "section-1"},
        {"level": 2, "title": "Two", "anchor": "section-2"},
    ]
    assert (found["word_count"], found["reading_minutes"], found["removed"]) == (4, 1, ["script"])


def test_text_is_converted_between_the_formats(content, reader):
    assert render(content, reader, "a **b**", to="richtext").data["output"] == "<p>a <strong>b</strong></p>\n"
    assert render(content, reader, "<p>a <b>b</b></p>", "richtext", "markdown").data["output"] == "a **b**\n"
    assert render(content, reader, "<p onclick=x>a</p>", "richtext", "richtext").data["output"] == "<p>a</p>"
    assert render(content, reader, "# a", to="markdown").data["output"] == "# a"


def test_a_text_above_a_megabyte_is_too_large(content, reader):
    assert render(content, reader, "x" * 1024**2).status == 200
    assert render(content, reader, "x" * (1024**2 + 1)).error == (413, "body_too_large")


@pytest.mark.parametrize("bad", [{"format": "bbcode"}, {"to": "pdf"}, {"body": None}])
def test_unknown_formats_are_refused(content, reader, bad):
    body = {"format": "markdown", "body": "x"} | bad

    assert content.post("/editor/render", body, token=reader).error == (422, "validation_error")


def test_rendering_needs_a_signed_in_user(content):
    assert render(content, None, "x").error == (401, "unauthenticated")
