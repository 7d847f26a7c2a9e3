"""NumPy's SeedSequence and PCG64, compiled: the draws of `default_rng(seed).random()`.

A generator is uint64 [4]: the high and the low half of its 128-bit state, then of its increment.
Arithmetic is modulo 2^64, and modulo 2^32 where it says so; every number has its type, since Numba
makes a float of an unsigned and a signed integer.

Sources: O'Neill 2014, "PCG: A family of simple fast space-efficient statistically good algorithms
for random number generation", XSL RR 128/64; O'Neill 2015, "Developing a seed_seq alternative";
and how NumPy seeds one with the other.
"""

import numpy as np
from numpy.typing import NDArray

from amc.compilation import rounded

Generator = NDArray[np.uint64]

HIGH, LOW, HIGH_INCREMENT, LOW_INCREMENT = range(4)
_POOL = 4
_HASH_A, _HASH_A_FACTOR = np.uint32(0x43B0D7E5), np.uint32(0x931E8875)
_HASH_B, _HASH_B_FACTOR = np.uint32(0x8B51F9DD), np.uint32(0x58F38DED)
_MIX_LEFT, _MIX_RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_HIGH_FACTOR, _LOW_FACTOR = np.uint64(0x2360ED051FC65DA4), np.uint64(0x4385DF649FCCF645)
_ZERO, _ONE, _HALF_WORD = np.uint64(0), np.uint64(1), np.uint64(32)
_LOWER = np.uint64(0xFFFFFFFF)
_HALF_OF_32, _ZERO_32 = np.uint32(16), np.uint32(0)
_ROTATION, _LAST_BIT = np.uint64(58), np.uint64(63)
_MANTISSA, _UNIT = np.uint64(11), 1.0 / 2.0**53


@rounded
def _times(x: np.uint32, y: np.uint32) -> np.uint32:
    """The product modulo 2^32."""
    return np.uint32(np.uint64(x) * np.uint64(y))


@rounded
def _hashed(value: np.uint32, key: np.uint32, factor: np.uint32) -> tuple[np.uint32, np.uint32]:
    """A hash of 32 bits, and the key of the next one."""
    value = np.uint32(value ^ key)
    key = _times(key, factor)
    value = _times(value, key)
    return np.uint32(value ^ np.uint32(value >> _HALF_OF_32)), key


@rounded
def _mixed(x: np.uint32, y: np.uint32) -> np.uint32:
    mixed = np.uint32(np.uint64(_times(_MIX_LEFT, x)) - np.uint64(_times(_MIX_RIGHT, y)))
    return np.uint32(mixed ^ np.uint32(mixed >> _HALF_OF_32))


@rounded
def _entropy(seed: np.uint32, words: Generator) -> None:
    """Four words of `SeedSequence(seed).generate_state(4, np.uint64)`."""
    pool = np.zeros(_POOL, np.uint32)
    key = _HASH_A
    for place in range(_POOL):
        pool[place], key = _hashed(seed if place == 0 else _ZERO_32, key, _HASH_A_FACTOR)
    for source in range(_POOL):
        for place in range(_POOL):
            if source != place:
                value, key = _hashed(pool[source], key, _HASH_A_FACTOR)
                pool[place] = _mixed(pool[place], value)
    key = _HASH_B
    for word in range(len(words)):
        lower, key = _hashed(pool[2 * word % _POOL], key, _HASH_B_FACTOR)
        upper, key = _hashed(pool[(2 * word + 1) % _POOL], key, _HASH_B_FACTOR)
        words[word] = np.uint64(lower) | (np.uint64(upper) << _HALF_WORD)


@rounded
def _upper_product(x: np.uint64, y: np.uint64) -> np.uint64:
    """The upper 64 bits of a product of 128."""
    x_low, x_high = x & _LOWER, x >> _HALF_WORD
    y_low, y_high = y & _LOWER, y >> _HALF_WORD
    across = x_high * y_low + ((x_low * y_low) >> _HALF_WORD)
    other = x_low * y_high + (across & _LOWER)
    return x_high * y_high + (across >> _HALF_WORD) + (other >> _HALF_WORD)


@rounded
def _add(generator: Generator, high: np.uint64, low: np.uint64) -> None:
    total = generator[LOW] + low
    carry = _ONE if total < low else _ZERO
    generator[HIGH] = generator[HIGH] + high + carry
    generator[LOW] = total


@rounded
def _advance(generator: Generator) -> None:
    """State = state * factor + increment, modulo 2^128."""
    high, low = generator[HIGH], generator[LOW]
    upper = _upper_product(low, _LOW_FACTOR)
    generator[HIGH] = upper + high * _LOW_FACTOR + low * _HIGH_FACTOR
    generator[LOW] = low * _LOW_FACTOR
    _add(generator, generator[HIGH_INCREMENT], generator[LOW_INCREMENT])


@rounded
def seed_generator(generator: Generator, seed: int) -> None:
    """Make it what `default_rng(seed)` is.

    Args:
        generator: uint64 [4]; overwritten.
        seed: 0 <= seed < 2^32.
    """
    words = np.empty(4, np.uint64)
    _entropy(np.uint32(seed), words)
    generator[HIGH_INCREMENT] = (words[2] << _ONE) | (words[3] >> _LAST_BIT)
    generator[LOW_INCREMENT] = (words[3] << _ONE) | _ONE
    generator[HIGH] = generator[LOW] = _ZERO
    _advance(generator)
    _add(generator, words[0], words[1])
    _advance(generator)


@rounded
def uniform(generator: Generator, low: float, high: float) -> float:
    """Draw from [low, high), as `Generator.uniform`."""
    _advance(generator)
    mixed = generator[HIGH] ^ generator[LOW]
    turn = generator[HIGH] >> _ROTATION
    turned = (mixed >> turn) | (mixed << ((np.uint64(64) - turn) & _LAST_BIT))
    return low + (high - low) * (np.float64(turned >> _MANTISSA) * _UNIT)
