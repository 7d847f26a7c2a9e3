from amc.config.document import Document, Problem, Text, in_order, printable
from amc.config.reader import read_text
from amc.errors import Fault


def test_an_overlay_is_merged_object_by_object_and_replaces_the_rest():
    base = read_text('{"a": {"x": 1, "y": [1, 2]}, "b": 2}', "base")

    merged = base.lay_over(read_text('{"a": {"y": [3]}, "c": 4}', "top"))

    assert merged.value == {"a": {"x": 1, "y": [3]}, "b": 2, "c": 4}
    assert base.value == {"a": {"x": 1, "y": [1, 2]}, "b": 2}


def test_each_value_keeps_the_file_it_came_from():
    base = read_text('{"a": {"x": 1, "y": [1, 2]}}', "base")
    merged = base.lay_over(read_text('{\n"a": {"y": [3]}}', "top"))

    faults = {path: merged.fault(Problem(path, "wrong")) for path in [("a", "x"), ("a", "y", 0)]}

    assert (faults["a", "x"].source, faults["a", "x"].line) == ("base", 1)
    assert (faults["a", "y", 0].source, faults["a", "y", 0].line) == ("top", 2)
    assert merged.fault(Problem(("a", "missing"), "wrong")).source == "base"


def test_a_value_put_replaces_even_an_object_and_names_its_source():
    document = read_text('{"a": {"x": 1}, "b": 2}', "base")

    changed = document.put(("a",), {"z": 3}, "--set a").put(("c", "d"), 4, "--set c.d=4")

    assert changed.value == {"a": {"z": 3}, "b": 2, "c": {"d": 4}}
    assert str(changed.fault(Problem(("c", "d"), "wrong"))) == "--set c.d=4: c.d: wrong"


def test_a_fault_at_a_key_points_at_the_key():
    document = read_text('{"a": 1}', "base")

    at_key = document.fault(Problem(("a",), "wrong", at_key=True))

    assert (at_key.column, document.fault(Problem(("a",), "wrong")).column) == (2, 7)


def test_a_long_line_is_cut_around_the_caret():
    text = '{"a": "' + "x" * 5000 + '", "b": 1, "c": "' + "y" * 5000 + '"}'

    fault = read_text(text, "base").fault(Problem(("b",), "wrong"))

    line, caret = fault.excerpt.splitlines()
    assert len(line) < 100
    assert line[caret.index("^")] == "1"


def test_a_password_in_a_url_is_not_shown():
    document = read_text('{"url": "redis://user:s3cret@host/0"}', "base")

    fault = document.fault(Problem(("url",), "wrong"))

    assert "s3cret" not in str(fault)
    assert "@host" in fault.excerpt


def test_nothing_in_a_config_can_forge_a_line_of_output():
    document = read_text('{"a\\u001b[31m\\nERROR forged": 1}', "base\nforged")

    text = str(document.fault(Problem(("a\x1b[31m\nERROR forged",), "wrong")))

    assert "\x1b" not in text
    assert text.splitlines()[0].startswith("base\\nforged:1:")
    assert printable("é\n") == "é\\n"


def test_faults_come_in_the_order_of_the_file_and_once():
    faults = [
        Fault("b", "2", "f", 2, 1),
        Fault("a", "1", "f", 1, 5),
        Fault("b", "again", "f", 2, 1),
    ]

    assert [fault.message for fault in in_order(faults)] == ["1", "2"]


def test_a_mapping_has_no_lines():
    document = Document({"a": 1}, Text("config"))

    assert str(document.fault(Problem(("a",), "wrong"))) == "config: a: wrong"
