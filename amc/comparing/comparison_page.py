"""A comparison as one HTML file. Its door is `comparison_page`."""

from collections.abc import Iterator

from amc.comparing import comparison_figures as figures
from amc.comparing.verdicts import Comparison
from amc.comparing.words import COLUMNS, PAIR_COLUMNS, pair_cells, row_cells, sentence
from amc.config.schema import UNNAMED
from amc.reports import svg, wording
from amc.reports.chapters import section
from amc.reports.data_tables import table
from amc.reports.markup import Markup, element
from amc.reports.page import document


def comparison_page(comparison: Comparison) -> str:
    """The page: verdict, scores, pairs, figures, and what differs in the configs."""
    names = " and ".join(row.name for row in comparison.rows)
    header = element(
        "header",
        element("h1", f"{names} compared"),
        element("p", f"In {', '.join(comparison.tasks)}."),
        *(element("p", sentence(pair)) for pair in comparison.pairs),
    )
    return document(f"{names} compared", header, _sections(comparison))


def _sections(comparison: Comparison) -> Iterator[Markup]:
    rows = [row_cells(row) for row in comparison.rows]
    scores = table("Scores over seeds", COLUMNS, rows, numbers=COLUMNS[1:])
    yield section("Scores", "scores", scores, is_wide=True)
    cells = [pair_cells(pair) for pair in comparison.pairs]
    pairs = table("Each with each", PAIR_COLUMNS, cells, numbers=PAIR_COLUMNS[1:])
    yield section("Pairs", "pairs", pairs, is_wide=True)
    for index, task in enumerate(comparison.tasks):
        where = "" if task == UNNAMED else f" in {task}"
        drawn = svg.inline(
            figures.curves(comparison, task),
            name=f"curves-{index}",
            alt=f"Learning curves{where}, with the 95 % interval of each mean.",
        )
        yield section(f"Learning curves{where}", f"curves-{index}", element("figure", drawn))
    for name, title, figure in (
        ("intervals", "Interquartile means", figures.intervals(comparison)),
        ("profiles", "Performance profiles", figures.profiles(comparison)),
    ):
        drawn = svg.inline(figure, name=name, alt=f"{title} of {len(comparison.rows)} entrants.")
        yield section(title, name, element("figure", drawn))
    for index, task in enumerate(comparison.tasks):
        yield _differing(comparison, task, f"configs-{index}")


def _differing(comparison: Comparison, task: str, name: str) -> Markup:
    title = f"What differs in the configs for {task}"
    rows = [
        [key, *(wording.exactly(value) for value in values)]
        for key, values in comparison.differing[task]
    ]
    if not rows:
        return section(title, name, element("p", "Nothing: they differ in their seeds alone."))
    names = [row.name for row in comparison.rows]
    return section(title, name, table(title, ["key", *names], rows), is_wide=True)
