"""A small sound search of ranges, and others that break one line of the contract each."""

import math
import random
from typing import ClassVar


class Sound:
    """Steps from the best point so far, or from the middle."""

    def __init__(self, search_space, seed=0):
        self.ranges = search_space
        self.random = random.Random(seed)
        self.best = {name: (low + high) / 2 for name, (low, high) in search_space.items()}
        self.score = -math.inf

    def suggest(self, n_suggestions=1):
        return [self.near() for _ in range(n_suggestions)]

    def near(self):
        return {name: self.moved(name, value) for name, value in self.best.items()}

    def moved(self, name, value):
        low, high = self.ranges[name]
        return min(max(value + self.random.gauss(0, 0.1) * (high - low), low), high)

    def update(self, suggestions, scores):
        for suggestion, score in zip(suggestions, scores, strict=True):
            if score is not None and score > self.score:
                self.best, self.score = suggestion, score


class Needs(Sound):
    def __init__(self, search_space, temperature):
        super().__init__(search_space)


class Outside(Sound):
    def moved(self, name, value):
        return value + self.random.gauss(0, 1)


class Lacks(Sound):
    def near(self):
        return dict(list(super().near().items())[:-1])


class TooMany(Sound):
    def suggest(self, n_suggestions=1):
        return super().suggest(n_suggestions + 1)


class OneByOne(Sound):
    def suggest(self, n_suggestions=1):
        return super().suggest(1)


class SharedDraws(Sound):
    def __init__(self, search_space, seed=0):
        super().__init__(search_space)
        self.random = random


class Lives(Sound):
    """Counts how often one of it was made."""

    made: ClassVar = [0]

    def __init__(self, search_space, seed=0):
        self.made[0] += 1
        super().__init__(search_space, self.made[0])


class OnlyScores(Sound):
    def update(self, suggestions, scores):
        if max(scores) > self.score:
            super().update(suggestions, scores)


class Squares(Sound):
    def update(self, suggestions, scores):
        math.sqrt(sum(score**2 for score in scores if score is not None))
        super().update(suggestions, scores)


class Itself(Sound):
    """Looks up what it suggested itself."""

    def __init__(self, search_space, seed=0):
        super().__init__(search_space, seed)
        self.own = []

    def suggest(self, n_suggestions=1):
        made = super().suggest(n_suggestions)
        self.own += made
        return made

    def update(self, suggestions, scores):
        for suggestion in suggestions:
            self.own.index(suggestion)
        super().update(suggestions, scores)


class Expects(Sound):
    """Wants to know what is pending, and does not count as many."""

    def expect(self, suggestions):
        (self.pending,) = suggestions


class Printer(Sound):
    def update(self, suggestions, scores):
        print("learned", scores)


class Minimizes(Sound):
    def update(self, suggestions, scores):
        super().update(suggestions, [score and -score for score in scores])


class UsedUp:
    """Never suggests a choice twice, and does not say that nothing is left."""

    def __init__(self, search_space):
        self.left = {name: list(form["choices"]) for name, form in search_space.items()}

    def suggest(self, n_suggestions=1):
        return [{name: values.pop() for name, values in self.left.items()}]

    def update(self, suggestions, scores):
        pass
