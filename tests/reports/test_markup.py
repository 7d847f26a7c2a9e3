"""What is text stays text."""

from amc.reports.markup import Markup, element, escaped, joined


def test_text_is_escaped_and_elements_are_not():
    written = element("p", "a < b & ", element("b", '"c"'), class_="x<")

    assert written == '<p class="x&lt;">a &lt; b &amp; <b>&quot;c&quot;</b></p>'


def test_attributes_may_be_there_without_a_value_or_not_at_all():
    assert element("video", controls=True, loop=False, src=None) == "<video controls></video>"


def test_dashes_and_reserved_words_are_written_with_underscores():
    assert element("meta", http_equiv="x", aria_label="y") == '<meta http-equiv="x" aria-label="y">'


def test_what_is_put_together_stays_what_it_was():
    whole = joined(["<", Markup("<br>"), 3])

    assert whole == "&lt;<br>3"
    assert escaped(whole) is whole


def test_text_added_to_markup_has_to_be_escaped_again():
    # `+` makes a plain string, so nothing slips through.
    assert escaped(Markup("<b>") + "<i>") == "&lt;b&gt;&lt;i&gt;"
