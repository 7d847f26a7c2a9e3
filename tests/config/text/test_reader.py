import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc.config.text.reader import DEPTH_LIMIT, SIZE_LIMIT, VALUES_LIMIT, read, read_text
from amc.errors import ConfigError, Fault

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def fault_of(text: str) -> Fault:
    with pytest.raises(ConfigError) as caught:
        read_text(text, "x.json")
    return caught.value.faults[-1]


def test_comments_and_trailing_commas_are_accepted():
    text = '// a\n{"a": [1, 2,], /* b\n */ "b": "// no /* comment */", } // c'

    document = read_text(text, "x.json")

    assert document.value == {"a": [1, 2], "b": "// no /* comment */"}
    assert not document.notes


@settings(max_examples=50, deadline=None)
@given(value=JSON_VALUES, indent=st.sampled_from([None, 2]))
def test_all_of_json_is_read_as_the_standard_library_reads_it(value: object, indent: int | None):
    text = json.dumps(value, indent=indent)

    document = read_text(text, "x.json")

    assert document.value == value
    assert not document.notes


def test_every_key_and_value_knows_its_place():
    text = '{\n  "a": {"b": [10,\n 20]}}'

    document = read_text(text, "x.json")

    inner = document.place.inner["a"].inner["b"]
    assert inner.key == text.index('"b"')
    assert inner.inner[1].offset == text.index("20")
    assert document.place.offset == 0


def test_a_key_given_twice_is_seen_through_its_escapes_and_the_first_is_kept():
    document = read_text('{"alpha": 1, "\\u0061lpha": 2}', "x.json")

    assert [fault.path for fault in document.error(()).faults] == ["alpha"]
    assert document.value == {"alpha": 1}


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "1" * 5000]
)
def test_a_number_that_is_not_finite_is_a_fault_of_its_field(number: str):
    document = read_text(f'{{"a": [{number}]}}', "x.json")

    assert [fault.path for fault in document.error(()).faults] == ["a.0"]


def test_an_integer_is_kept_exactly():
    document = read_text(f"[{2**63 + 1}, -0, 1.0, 1e2]", "x.json")

    assert document.value == [2**63 + 1, 0, 1.0, 100.0]
    assert [type(value) for value in document.value] == [int, int, float, float]


@pytest.mark.parametrize(
    ("text", "line", "column", "sentence"),
    [
        ('{"a" 1}', 1, 6, "expected ':'"),
        ('{"a": 1\n "b": 2}', 2, 2, "expected ','"),
        ("{'a': 1}", 1, 2, "single quote"),
        ('{"a": True}', 1, 7, "JSON writes true"),
        ('{"a": +1}', 1, 7, "leading '+'"),
        ('{"a": 01}', 1, 7, "decimal numbers"),
        ('{"a": .5}', 1, 7, "decimal numbers"),
        ('{"a": 5.}', 1, 7, "decimal numbers"),
        ('{"a": 0x10}', 1, 7, "decimal numbers"),
        ('{"a": 1} x', 1, 10, "follows the end"),
        ('{"a": "b', 1, 7, "no closing quote"),
        ('{"a": "\\x41"}', 1, 8, "escape"),
        ('{"a": "\t"}', 1, 8, "control character"),
        ('{"a": /* b', 1, 7, "comment has no end"),
        ('{"a": 1 # b\n}', 1, 9, "Comments begin with //"),
        ('{"a": [1,,2]}', 1, 10, "expected a value"),
        ("[,]", 1, 2, "expected a value"),
        ('{"a": 1', 1, 8, "the file ends here"),
        ("\x00", 1, 1, "expected a value"),
    ],
)
def test_a_syntax_error_says_where_and_what(text: str, line: int, column: int, sentence: str):
    fault = fault_of(text)

    assert (fault.path, fault.line, fault.column) == ("<root>", line, column)
    assert sentence in fault.message


def test_the_excerpt_points_at_the_fault():
    fault = fault_of('{\n  "a": nope\n}')

    assert fault.excerpt.splitlines() == ['    "a": nope', "         ^"]


def test_yaml_is_recognised():
    assert fault_of("experiment_name: x\nalgorithm: ppo\n").path == "<file>"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_has_a_limit(opening: str):
    assert f"more than {DEPTH_LIMIT} deep" in fault_of(opening * 100_000).message


def test_the_number_of_values_has_a_limit():
    began = time.process_time()

    fault = fault_of("[" + "0," * VALUES_LIMIT + "0]")

    assert "values" in fault.message
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    "text", ["/*" * 500_000, "[" + "/**/" * 250_000, '"' + "\\" * 999_999, "1" * 1_000_000]
)
def test_hostile_text_is_read_in_linear_time(text: str):
    began = time.process_time()

    try:
        read_text(text, "x.json")
    except ConfigError:
        refused = True
    else:
        refused = False

    assert refused or text[0] == "1"
    assert time.process_time() - began < 3


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet='{}[]":,\\/*truefalsn0123e.-+ \n\x01\ud800u#', max_size=40))
def test_no_text_ends_in_anything_but_a_value_or_a_config_error(text: str):
    try:
        document = read_text(text, "x.json")
    except ConfigError as error:
        assert str(error)
    else:
        assert document.value is not None or "null" in text


def test_utf8_with_a_byte_order_mark_is_read(write: Callable[..., Path]):
    path = write(b'\xef\xbb\xbf{"a": "\xc3\xa9"}')

    assert read(path).value == {"a": "é"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_other_encodings_are_refused(encoding: str, write: Callable[..., Path]):
    path = write('{"a": "é"}'.encode(encoding))

    with pytest.raises(ConfigError, match="not UTF-8"):
        read(path)


def test_a_file_at_the_size_limit_is_read_and_one_above_is_not(write: Callable[..., Path]):
    fits = write(b"[1]" + b" " * (SIZE_LIMIT - 3), "fits.json")
    above = write(b"[1]" + b" " * (SIZE_LIMIT - 2), "above.json")

    assert read(fits).value == [1]
    with pytest.raises(ConfigError, match="1 MiB"):
        read(above)


@pytest.mark.parametrize("name", ["missing.json", ".", "a\x00b", "x" * 5000, "/dev/zero"])
def test_what_cannot_be_read_is_a_fault_of_the_file(name: str, tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / name)

    assert caught.value.faults[0].path == "<file>"


def test_a_pipe_and_a_link_into_the_kernel_are_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/proc/self/mem")

    for name in ("pipe", "link"):
        with pytest.raises(ConfigError) as caught:
            read(tmp_path / name)
        assert caught.value.faults[0].path == "<file>"
