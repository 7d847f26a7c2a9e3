"""How the winner is made again: its config, its digest, and with what all of it ran.

Its door is `reproduction`.
"""

import json

from amc.reports import wording
from amc.reports.chapters import section
from amc.reports.markup import Markup, element
from amc.reports.material import Material


def reproduction(material: Material) -> Markup:
    """The section."""
    config = material.best_config
    if config is None:
        told = element("p", "There is no winner yet, so nothing to train again.")
    else:
        text = json.dumps(config.to_json(), indent=2, ensure_ascii=False)
        told = element(
            "div",
            element(
                "p",
                "This config trains the winner's agent again. Save it, or let it be written:",
            ),
            element(
                "pre",
                element(
                    "code",
                    f"amc best {material.id} --as-config > tuned.json\namc train tuned.json",
                ),
            ),
            _digest(material),
            element(
                "details",
                element("summary", "The config"),
                element("pre", element("code", text), tabindex=0),
                open=True,  # so that it is printed
            ),
        )
    return section("To make it again", "reproduce", told, _ran_with(material), is_wide=True)


def _digest(material: Material) -> Markup | str:
    if not material.digest:
        return ""
    return element(
        "p",
        "On the same kind of machine and software its parameters have the SHA-256 digest ",
        element("code", material.digest),
        ".",
    )


def _ran_with(material: Material) -> Markup:
    machines = sorted({stint.machine for stint in material.stints if stint.machine})
    kinds = [
        f"{kind} ({wording.counted(len(trials), 'trial')})"
        for kind, trials in material.ran_with.items()
    ]
    decided = [f"amc {version} from decision {number} on" for number, version in material.made_by]
    rows = {
        "trained with": "; ".join(kinds),
        "decided by": "; ".join(decided),
        "machines": ", ".join(machines),
        "experiment's seed": str(material.config.seed),
        "packages where it was submitted": ", ".join(
            f"{name} {version}" for name, version in material.versions.items()
        ),
    }
    pairs = [
        part
        for name, text in rows.items()
        if text
        for part in (element("dt", name), element("dd", text))
    ]
    return element("dl", *pairs, class_="pairs")
