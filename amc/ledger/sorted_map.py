"""A mapping in the order of its keys that never changes: the next one shares most of it.

What grows by one item a decision is held so: a new mapping costs one chunk and a list of chunks,
some microseconds among 100,000 items, where a copied dict costs a millisecond. Tries of hashes,
which libraries have, are quicker still, but have no order, or another one in every process.
"""

from bisect import bisect_left, bisect_right
from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from itertools import islice
from typing import Any, TypeVar, overload

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")

# Items of a chunk, at most; near the square root of how many items there may be.
_LARGEST = 256
# With more changes than one in so many items, all chunks are made anew.
_FEW = 16

_ABSENT: Any = object()
_Chunk = tuple[tuple[Any, ...], tuple[Any, ...]]


class SortedMap(Mapping[K, V]):
    """Keys of one kind, in order, and what belongs to each.

    Args:
        items: the first ones; their keys must have an order among them.
    """

    __slots__ = ("_chunks", "_firsts", "_length")

    def __init__(self, items: Mapping[K, V] | None = None) -> None:
        self._chunks: tuple[_Chunk, ...] = tuple(_chunks(items or {}))
        self._firsts: tuple[Any, ...] = tuple(keys[0] for keys, _ in self._chunks)
        self._length = len(items or ())

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[K]:
        return (key for keys, _ in self._chunks for key in keys)

    def __reversed__(self) -> Iterator[K]:
        return (key for keys, _ in reversed(self._chunks) for key in reversed(keys))

    def __getitem__(self, key: K) -> V:
        found: V = self._find(key, _ABSENT)
        if found is _ABSENT:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return self._find(key, _ABSENT) is not _ABSENT

    @overload
    def get(self, key: K, /) -> V | None: ...

    @overload
    def get(self, key: K, /, default: V | D) -> V | D: ...

    def get(self, key: K, /, default: Any = None) -> Any:
        """What belongs to a key, or the default; the usual `get` raises and catches."""
        return self._find(key, default)

    def _find(self, key: Any, default: Any) -> Any:
        place = bisect_right(self._firsts, key) - 1
        if place >= 0:
            keys, values = self._chunks[place]
            at = bisect_left(keys, key)
            if at < len(keys) and keys[at] == key:
                return values[at]
        return default

    def __repr__(self) -> str:
        return f"SortedMap({dict(self.items())!r})"

    def items(self) -> ItemsView[K, V]:
        """Keys and values, in the order of the keys."""
        return _Items(self)

    def values(self) -> ValuesView[V]:
        """Values, in the order of the keys."""
        return _Values(self)

    def nth(self, position: int) -> K:
        """The key at a position, 0-based in their order.

        Raises:
            IndexError: there are not so many.
        """
        for keys, _ in self._chunks:
            if 0 <= position < len(keys):
                return keys[position]  # type: ignore[no-any-return]
            position -= len(keys)
        raise IndexError(position)

    def changed(self, new: Mapping[K, V], gone: Iterable[K] = ()) -> "SortedMap[K, V]":
        """Another mapping, with some items more or in place of old ones.

        Args:
            new: what is added or replaced.
            gone: keys that are taken out before, if they are there.
        """
        gone = set(gone)
        if not new and not gone:
            return self
        if (len(new) + len(gone)) * _FEW > self._length:
            kept = {key: value for key, value in self.items() if key not in gone}
            return SortedMap(kept | dict(new))
        after = self
        for key in gone:
            after = after._without(key)
        for key, value in new.items():
            after = after._with(key, value)
        return after

    def changes(self, before: "SortedMap[K, V]") -> dict[K, tuple[V | None, V | None]]:
        """By its key, each item that differs from another mapping's: its old and its new value.

        Chunks that both share are not looked at: it costs what has changed, where one came from
        the other.
        """
        shared = set(map(id, before._chunks)) & set(map(id, self._chunks))
        old, new = before._items_but(shared), self._items_but(shared)
        pairs = {key: (old.get(key), new.get(key)) for key in [*old, *new]}
        return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}

    def _items_but(self, shared: set[int]) -> dict[K, V]:
        chunks = (chunk for chunk in self._chunks if id(chunk) not in shared)
        return {key: value for chunk in chunks for key, value in zip(*chunk, strict=True)}

    def _place(self, key: K) -> int:
        """The index of the chunk that holds a key, or would."""
        return max(0, bisect_right(self._firsts, key) - 1)

    def _with(self, key: K, value: V) -> "SortedMap[K, V]":
        if not self._chunks:
            return SortedMap({key: value})
        place = self._place(key)
        keys, values = self._chunks[place]
        at = bisect_left(keys, key)
        is_there = at < len(keys) and keys[at] == key
        keys = (*keys[:at], key, *keys[at + is_there :])
        values = (*values[:at], value, *values[at + is_there :])
        if len(keys) <= _LARGEST:
            return self._exchanged(place, [(keys, values)], not is_there)
        # Numbers grow at the end: full chunks stay full, and a new one begins there.
        half = _LARGEST if place == len(self._chunks) - 1 else len(keys) // 2
        parts = [(keys[:half], values[:half]), (keys[half:], values[half:])]
        return self._exchanged(place, parts, 1)

    def _without(self, key: K) -> "SortedMap[K, V]":
        if key not in self:
            return self
        place = self._place(key)
        keys, values = self._chunks[place]
        at = bisect_left(keys, key)
        keys, values = keys[:at] + keys[at + 1 :], values[:at] + values[at + 1 :]
        return self._exchanged(place, [(keys, values)] if keys else [], -1)

    def _exchanged(self, place: int, parts: list[_Chunk], more: int) -> "SortedMap[K, V]":
        after: SortedMap[K, V] = SortedMap.__new__(SortedMap)
        after._chunks = (*self._chunks[:place], *parts, *self._chunks[place + 1 :])
        firsts = [keys[0] for keys, _ in parts]
        after._firsts = (*self._firsts[:place], *firsts, *self._firsts[place + 1 :])
        after._length = self._length + more
        return after


class _Items(ItemsView[K, V]):
    """Read chunk by chunk, where the usual view looks each key up."""

    _mapping: SortedMap[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return (item for chunk in self._mapping._chunks for item in zip(*chunk, strict=True))


class _Values(ValuesView[V]):
    """As `_Items`."""

    _mapping: SortedMap[Any, V]

    def __iter__(self) -> Iterator[V]:
        return (value for _, values in self._mapping._chunks for value in values)


def _chunks(items: Mapping[Any, Any]) -> Iterator[_Chunk]:
    keys = iter(sorted(items))
    while chunk := tuple(islice(keys, _LARGEST)):
        yield chunk, tuple(items[key] for key in chunk)
