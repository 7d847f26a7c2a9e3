from amc.config.text.document import MOST_FAULTS, Document, Path, Problem, printable
from amc.config.text.reader import read_text
from amc.errors import Fault


def fault(document: Document, path: Path, *, at_key: bool = False) -> Fault:
    (found,) = document.error([Problem(path, "wrong", at_key)]).faults
    return found


def test_an_overlay_is_merged_object_by_object_and_replaces_the_rest():
    base = read_text('{"a": {"x": 1, "y": [1, 2]}, "b": 2}', "base")

    merged = base.lay_over(read_text('{"a": {"y": [3]}, "c": 4}', "top"))

    assert merged.value == {"a": {"x": 1, "y": [3]}, "b": 2, "c": 4}
    assert base.value == {"a": {"x": 1, "y": [1, 2]}, "b": 2}


def test_each_value_keeps_the_file_it_came_from():
    base = read_text('{"a": {"x": 1, "y": [1, 2]}}', "base")
    merged = base.lay_over(read_text('{\n"a": {"y": [3]}}', "top"))

    faults = {path: fault(merged, path) for path in [("a", "x"), ("a", "y", 0)]}

    assert (faults["a", "x"].source, faults["a", "x"].line) == ("base", 1)
    assert (faults["a", "y", 0].source, faults["a", "y", 0].line) == ("top", 2)
    assert fault(merged, ("a", "missing")).source == "base"


def test_a_value_put_replaces_even_an_object_and_names_its_source():
    document = read_text('{"a": {"x": 1}, "b": 2}', "base")

    changed = document.put(("a",), {"z": 3}, "--set a").put(("c", "d"), 4, "--set c.d=4")

    assert changed.value == {"a": {"z": 3}, "b": 2, "c": {"d": 4}}
    assert str(fault(changed, ("c", "d"))) == "--set c.d=4: c.d: wrong"


def test_a_fault_at_a_key_points_at_the_key():
    document = read_text('{"a": 1}', "base")

    columns = [fault(document, ("a",), at_key=at_key).column for at_key in (True, False)]

    assert columns == [2, 7]


def test_a_long_line_is_cut_around_the_caret():
    text = '{"a": "' + "x" * 5000 + '", "b": 1, "c": "' + "y" * 5000 + '"}'

    found = fault(read_text(text, "base"), ("b",))

    line, caret = found.excerpt.splitlines()
    assert len(line) < 100
    assert line[caret.index("^")] == "1"


def test_a_password_in_a_url_is_not_shown():
    document = read_text('{"url": "redis://user:s3cret@host/0"}', "base")

    found = fault(document, ("url",))

    assert "s3cret" not in str(found)
    assert "@host" in found.excerpt


def test_nothing_in_a_config_can_forge_a_line_of_output():
    document = read_text('{"a\\u001b[31m\\nERROR forged": 1}', "base\nforged")

    text = str(fault(document, ("a\x1b[31m\nERROR forged",)))

    assert "\x1b" not in text
    assert text.splitlines()[0].startswith("base\\nforged:1:")
    assert printable("é\n") == "é\\n"


def test_faults_come_in_the_order_of_the_file_and_once():
    document = read_text('{"a": 1,\n"b": 2}', "base")
    problems = [Problem(("b",), "2"), Problem(("a",), "1"), Problem(("b",), "again")]

    faults = document.error(problems).faults

    assert [fault.message for fault in faults] == ["1", "2"]


def test_no_more_faults_are_told_than_somebody_can_read_and_no_hint_is_made_for_the_rest():
    document = read_text(str(list(range(1000))), "base")
    made = []
    problems = [Problem((index,), lambda: made.append(1) or "wrong") for index in range(1000)]

    error = document.error(problems)

    assert len(error.faults) == len(made) == MOST_FAULTS
    assert str(error).endswith("... and 950 more.")


def test_a_message_is_shown_as_text_and_not_without_end():
    document = Document.of({}, "base")

    (found,) = document.error([Problem(("a",), "\x1b[2J" + "x" * 10_000)]).faults

    assert found.message.startswith("\\x1b[2Jxxx")
    assert len(found.message) < 2100


def test_a_mapping_has_no_lines():
    document = Document.of({"a": 1}, "config")

    assert str(fault(document, ("a",))) == "config: a: wrong"
