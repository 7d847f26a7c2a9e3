"""The sorted mapping against a dict."""

from hypothesis import given, settings
from hypothesis import strategies as st

from amc.ledger.sorted_map import SortedMap

KEYS = st.integers(0, 3000)
CHANGES = st.lists(
    st.tuples(st.dictionaries(KEYS, st.integers(), max_size=40), st.sets(KEYS, max_size=20)),
    max_size=12,
)


@settings(max_examples=30)
@given(st.integers(0, 2000), CHANGES)
def test_it_holds_what_a_dict_would_in_the_order_of_the_keys(
    size: int, changes: list[tuple[dict[int, int], set[int]]]
) -> None:
    expected = {key: -key for key in range(size)}
    found = SortedMap(expected)

    for new, gone in changes:
        found = found.changed(new, gone)
        expected = {key: value for key, value in expected.items() if key not in gone} | new

    ordered = dict(sorted(expected.items()))
    assert list(found) == list(ordered) and len(found) == len(ordered)
    assert list(found.items()) == list(ordered.items())
    assert list(found.values()) == list(ordered.values())
    assert list(reversed(found)) == list(reversed(ordered))
    assert all(found[key] == value for key, value in expected.items())
    assert all(found.get(key) == expected.get(key) for key in range(0, 3000, 7))
    assert [found.nth(position) for position in range(len(found))] == list(ordered)


@settings(max_examples=30)
@given(CHANGES, CHANGES)
def test_what_changed_between_two_is_all_that_differs(
    before: list[tuple[dict[int, int], set[int]]], after: list[tuple[dict[int, int], set[int]]]
) -> None:
    old = SortedMap({key: -key for key in range(1000)})
    for new, gone in before:
        old = old.changed(new, gone)
    newer = old
    for new, gone in after:
        newer = newer.changed(new, gone)

    found = newer.changes(old)

    keys = {*old, *newer}
    pairs = {key: (old.get(key), newer.get(key)) for key in keys}
    assert found == {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def test_a_mapping_never_changes() -> None:
    first = SortedMap({1: "a"})

    second = first.changed({2: "b"})
    third = second.changed({}, gone=[1])

    assert [dict(one) for one in (first, second, third)] == [{1: "a"}, {1: "a", 2: "b"}, {2: "b"}]
