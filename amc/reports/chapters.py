"""The figures of a report, each with what it says in words and the table behind it.

Its door is `chapters`.
"""

from collections import Counter
from collections.abc import Iterator

from matplotlib.figure import Figure

from amc.reports import data_tables, svg, wording
from amc.reports.figures import (
    attempt_timeline,
    importances,
    learning_curves,
    optimization_history,
    parallel_coordinates,
    slices,
)
from amc.reports.markup import Markup, element
from amc.reports.material import Material


def chapters(material: Material) -> Iterator[Markup]:
    """The sections, in the order in which they are read."""
    yield _history(material)
    yield _curves(material)
    if material.space:
        yield _importance(material)
        yield _slices(material)
        yield _parallel(material)
    if material.contenders:
        yield _contenders(material)
    if material.pruned is not None:
        yield _pruning(material)
    yield _timeline(material)


def section(title: str, name: str, *content: object, is_wide: bool = False) -> Markup:
    """A section with its heading, by which it is known to who does not see it."""
    return element(
        "section",
        element("h2", title),
        *content,
        class_="wide" if is_wide else None,
        aria_label=title,
        id=name,
    )


def _figure(figure: Figure, name: str, alt: str, caption: str, *, is_wide: bool = False) -> Markup:
    drawing = svg.inline(figure, name=name, alt=alt)
    if is_wide:
        drawing = element(
            "div", drawing, class_="scroll", tabindex=0, role="region", aria_label=f"Figure: {alt}"
        )
    return element("figure", drawing, element("figcaption", caption))


def _history(material: Material) -> Markup:
    best = optimization_history.best_so_far(material.trials)
    alt = f"Scores of {wording.counted(len(material.trials), 'trial')} in order."
    if best:
        alt += f" The best of the search rose to {wording.score(best[-1][1])}, trial {best[-1][0]}."
    caption = "Each trial's score at its end, in the order in which they were begun."
    if material.space:
        caption += " The line is the best so far of the search."
    if material.best is not None and material.best.n_seeds > 1:
        caption += " Dashed: the mean over seeds of what won"
        caption += ", with its 95 % interval." if material.best.interval else "."
    return section(
        "Scores in order",
        "history",
        _figure(optimization_history.draw(material.trials, material.best), "history", alt, caption),
        data_tables.folded(
            "Table: every trial", data_tables.trials_table(material.trials, material.best)
        ),
    )


def _curves(material: Material) -> Markup:
    best = material.best
    winners = () if best is None else best.mean_of or (best.number,)
    threshold = material.config.environment.reward_threshold
    mean = learning_curves.mean_curve([material.curves.get(number, ()) for number in winners])
    alt = f"Learning curves of {wording.counted(len(material.curves), 'trial')}."
    if mean:
        alt += f" The winner's mean ends at {wording.score(mean[-1].mean)}."
    caption = "Scores of the evaluations during training."
    if winners:
        caption += f" In color: {wording.trials(winners)}"
        caption += (
            "." if len(winners) == 1 else ", each thin, and their mean with its 95 % interval."
        )
    figure = learning_curves.draw(material.curves, winners, threshold=threshold)
    return section(
        "Learning curves",
        "curves",
        _figure(figure, "curves", alt, caption),
        data_tables.folded("Table: the winner's mean curve", data_tables.curve_table(mean))
        if mean
        else "",
    )


def _importance(material: Material) -> Markup:
    found = material.importance
    if not found.shares:
        return section("What mattered", "importance", element("p", found.why))
    shares = sorted(found.shares, key=lambda share: -share.total)
    alt = "Importance: " + ", ".join(f"{one.name} {one.total:.2f}" for one in shares) + "."
    what = "ranks that the pruner compares by" if material.pruned is not None else "scores"
    caption = (
        f"Share of the variance over the whole search space that each hyperparameter explains, by "
        f"itself and with its interactions (Sobol' indices), in the search's own Gaussian process "
        f"of {wording.counted(found.n_scores, 'suggestion')} and their {what}. Error bars: what so "
        "few scores leave open."
    )
    return section(
        "What mattered",
        "importance",
        _figure(importances.draw(found), "importance", alt, caption),
        data_tables.folded("Table: shares of variance", data_tables.importance_table(found)),
    )


def _slices(material: Material) -> Markup:
    names = ", ".join(material.space)
    return section(
        "Scores along each hyperparameter",
        "slices",
        _figure(
            slices.draw(material.trials, material.space, material.best),
            "slices",
            f"Scores of the trials of the search over each of {names}.",
            "On the scale on which it was searched; the line is the winner's value.",
        ),
        _to_the_trials(),
    )


def _parallel(material: Material) -> Markup:
    best = material.best
    alt = f"A line per trial of the search over {', '.join(material.space)} and its score."
    if best is not None:
        alt += f" The winner has {wording.hyperparameters(best.hyperparameters)}."
    return section(
        "All hyperparameters at once",
        "parallel",
        _figure(
            parallel_coordinates.draw(material.trials, material.space, best),
            *("parallel", alt),
            "A line per trial of the search; one that has no value of a hyperparameter, since its "
            "condition did not hold, passes below its axis.",
            is_wide=True,
        ),
        _to_the_trials(),
        is_wide=True,
    )


def _to_the_trials() -> Markup:
    return element(
        "p", "Its numbers: ", element("a", "the table of trials", href="#history"), class_="quiet"
    )


def _contenders(material: Material) -> Markup:
    least = min(len(one.scores) for one in material.contenders)
    caution = (
        " Of fewer than four scores it is their mean, and a bootstrap of so few covers less than "
        "it claims."
        if least < 4
        else ""
    )
    return section(
        "On several seeds",
        "seeds",
        element(
            "p",
            "IQM: the mean of the middle half of the scores, with the 95 % percentile-bootstrap "
            f"interval over seeds.{caution}",
            class_="quiet",
        ),
        data_tables.contenders_table(material.contenders),
        is_wide=True,
    )


def _pruning(material: Material) -> Markup:
    found = material.pruned
    assert found is not None
    share = found.steps_saved / found.full_steps if found.full_steps else 0.0
    wrong = (
        f"{found.wrongly_halted} of {found.spared} that were spared for a check ended above "
        "everything that was not to be halted."
        if found.spared
        else "None was spared for a check of how often halting is wrong."
    )
    return section(
        "What halting saved",
        "pruning",
        element(
            "p",
            f"{wording.counted(found.halted, 'trial')} were halted early, which saved "
            f"{100 * share:.0f} % of {found.full_steps:,} environment steps. {wrong}",
        ),
    )


def _timeline(material: Material) -> Markup:
    if not material.stints:
        return section("Who worked when", "timeline", element("p", "No attempt was recorded."))
    groups = Counter(stint.group for stint in material.stints)
    lanes = attempt_timeline.lanes_of(material.stints)
    alt = (
        f"{wording.counted(len(material.stints), 'attempt')} on "
        f"{wording.counted(len(lanes), 'worker')}: {groups['result']} ended with a result, "
        f"{groups['own doing']} failed, {groups['interruption']} were interrupted."
    )
    return section(
        "Who worked when",
        "timeline",
        _figure(
            attempt_timeline.draw(material.stints),
            *("timeline", alt),
            "A bar per attempt, by the clocks of the workers' machines. " + alt,
            is_wide=True,
        ),
        data_tables.folded("Table: every attempt", data_tables.stints_table(material.stints)),
        is_wide=True,
    )
