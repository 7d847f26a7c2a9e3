"""The top of a report: what was found, what it is worth, what it cost. Its door is `header`."""

from collections import Counter
from collections.abc import Iterator

from amc.reports import wording
from amc.reports.markup import Markup, element, joined
from amc.reports.material import Material
from amc.trial_status import BestTrial


def header(material: Material) -> Markup:
    """The report's header."""
    config = material.config
    trained = config.trains
    return element(
        "header",
        element("h1", material.id),
        element(
            "p",
            *(element("span", material.state, class_="state"), f" · {trained} · "),
            f"{config.training.total_timesteps:,} steps a trial · submitted ",
            wording.moment(material.created),
            class_="quiet",
        ),
        element("p", config.description) if config.description else "",
        joined(_remarks(material)),
        element("dl", *_facts(material), class_="facts"),
        _setting(material.best),
    )


def _remarks(material: Material) -> Iterator[Markup]:
    if material.error:
        error = wording.first_line(material.error)
        yield element("p", element("strong", "It failed: "), error, role="note")
    if material.state in {"running", "paused"}:
        yield element(
            "p",
            element("strong", f"It is {material.state}: "),
            "this is how it stands so far, and the numbers may still change.",
            role="note",
        )


def _facts(material: Material) -> Iterator[Markup]:
    yield _winner(material.best, "score of the winner" if material.space else "score")
    states = Counter(trial.state for trial in material.trials)
    kinds = Counter(trial.kind for trial in material.trials)
    parts = [f"{count} {kind}" for kind, count in kinds.items()] if len(kinds) > 1 else []
    lost = [f"{states[one]} {one}" for one in ("failed", "halted", "cancelled") if states[one]]
    at_work = [f"{states[one]} {one}" for one in ("running", "waiting") if states[one]]
    yield _fact("trials", f"{len(material.trials):,}", ", ".join([*parts, *lost, *at_work]))
    cost = material.cost
    yield _fact("environment steps", f"{cost.steps:,}", "in all trials together")
    yield _fact(
        "training time",
        wording.duration(cost.training_s),
        f"of all workers, in {wording.duration(cost.elapsed_s)} from submission "
        + ("to end" if material.state not in {"running", "paused"} else "until now"),
    )
    failed = sum(stint.group == "own doing" for stint in material.stints)
    halted = sum(stint.group == "interruption" for stint in material.stints)
    yield _fact(
        "attempts",
        f"{len(material.stints):,}",
        f"{failed} failed, {halted} interrupted, {wording.duration(cost.lost_s)} lost",
    )


def _winner(best: BestTrial | None, name: str) -> Markup:
    if best is None:
        return _fact(name, "-", "no trial was completed yet", class_="main")
    low, high = best.interval or (None, None)
    text = wording.spanned(best.mean_score, low, high)
    return _fact(name, text, _worth(best), class_="main")


def _setting(best: BestTrial | None) -> Markup | str:
    """The winner's hyperparameters, where something was searched."""
    if best is None or not best.hyperparameters:
        return ""
    pairs = [
        part
        for name, value in best.hyperparameters.items()
        for part in (element("dt", name), element("dd", element("code", wording.exactly(value))))
    ]
    return element(
        "div",
        element("h2", f"The winner: suggestion {best.suggestion}"),
        element("dl", *pairs, class_="pairs"),
        class_="setting",
    )


def _worth(best: BestTrial) -> str:
    """What its mean score is of."""
    agent = f" Its agent: trial {best.number}, score {wording.score(best.score)}."
    if best.chosen_by is not None:
        seeds = wording.counted(best.n_seeds, "test seed")
        interval = " and its 95 % interval" if best.interval else ""
        return f"mean{interval} over {seeds} that had no part in choosing it.{agent}"
    if best.interval is not None:
        return f"mean and its 95 % interval over {wording.counted(best.n_seeds, 'seed')}.{agent}"
    if best.n_seeds > 1:
        return (
            f"mean over the {best.n_seeds} seeds that chose it, so a little too high: what is "
            f"chosen for its score was lucky, too.{agent}"
        )
    chosen = ", chosen for it, so a little too high" if best.hyperparameters else ""
    return f"of a single trial{chosen}.{agent}"


def _fact(name: str, text: str, more: str = "", class_: str | None = None) -> Markup:
    small = element("small", more) if more else ""
    return element("div", element("dt", name), element("dd", text, small), class_=class_)
