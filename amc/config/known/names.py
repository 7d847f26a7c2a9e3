"""Names that a config writes for things outside it: are they known, and if not, what was meant.

Each function returns a sound name and raises a ValueError with a sentence for any other. A name of
code outside amc needs its module on the process's allow-list (AMC_ALLOW_MODULES). A config that was
accepted before (`ACCEPTED` in the validation context) is not asked again: whoever reads a ledger
need not trust, nor have, what its workers do.
"""

import re
from collections.abc import Iterable
from importlib.util import find_spec

from pydantic import ValidationInfo

from amc.config.known.environments import KNOWN
from amc.config.known.inquiry import others_register
from amc.config.known.keywords import TAKES
from amc.plugins import is_allowed, unknown
from amc.plugins import names as registered

ACCEPTED = {"accepted": True}

ENVIRONMENTS = "amc.environments"
WRAPPERS_GROUP = "amc.wrappers"
WRAPPERS = ("normalize_observation", "normalize_reward")
# Gymnasium's, and what stands for them here.
_REPLACED = {
    "NormalizeObservation": "normalize_observation",
    "NormalizeReward": "normalize_reward",
}
SEARCHES = ("bayesian", "grid", "pbt", "random", "sobol", "tpe")
# Those of an extra of the same name, and the package that it brings.
_EXTRAS = {"tpe": "optuna"}
# What they are called by Optuna, Ray Tune, scikit-optimize, Weights & Biases and in papers.
_MEANT_SEARCHES = {
    **dict.fromkeys(("bo", "bayes", "bayesopt", "gp", "gpsampler", "skopt", "botorch"), "bayesian"),
    **dict.fromkeys(("qmc", "qmcsampler", "quasirandom", "quasimontecarlo", "lhs"), "sobol"),
    **dict.fromkeys(("latinhypercube", "halton", "lowdiscrepancy", "spacefilling"), "sobol"),
    **dict.fromkeys(("tpesampler", "parzen", "optuna", "hyperopt", "bohb"), "tpe"),
    **dict.fromkeys(("uniform", "montecarlo", "randomsearch", "randomsampler"), "random"),
    **dict.fromkeys(("population", "populationbasedtraining", "pb2"), "pbt"),
    **dict.fromkeys(("gridsearch", "gridsampler", "factorial", "exhaustive"), "grid"),
}

_LONGEST = 100
EXPERIMENT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
DEVICE_PATTERN = r"^(auto|cpu|cuda(:[0-9]{1,3})?)$"
_MEANT_DEVICES = {
    **dict.fromkeys(("gpu", "nvidia", "cuda:", "gpus", "cuda:*"), "cuda"),
    **dict.fromkeys(("", "any", "default", "none", "best"), "auto"),
    **dict.fromkeys(("cpu:0", "cpu0", "host", "x86"), "cpu"),
}
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:\w[\w./-]*", re.ASCII)
# An experiment's directory may lie on a share; these open a device there, whatever their suffix.
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(10)
}
RESERVED_KEYWORDS = {
    "render_mode": "training opens no window; films are made of a trained agent. Remove it.",
    "max_episode_steps": "unknown key here. It belongs to environment; move it there.",
    "autoreset": "amc resets environments itself. Remove it.",
    "disable_env_checker": "amc decides this itself. Remove it.",
    "id": "the environment is named by environment.name. Remove it.",
    "num_envs": "write algorithm_config.n_envs instead.",
    "seed": "seeds come from the experiment's own. Write seed at the top instead.",
}


def experiment(name: str) -> str:
    """A name that is safe as a directory, a key and a log word."""
    if name.partition(".")[0].lower() in _DEVICES:
        raise ValueError(f"{name!r} is a device on Windows, not a directory. Choose another name.")
    if re.fullmatch(EXPERIMENT_PATTERN, name):
        return name
    if len(name) > 100:
        raise ValueError(f"{len(name)} characters are too many; the limit is 100.")
    raise ValueError(
        f"{name!r} cannot be a name. Write 1 to 100 letters, digits, dots, dashes and underscores, "
        "a letter or digit first."
    )


def environment(name: str, info: ValidationInfo) -> str:
    """An environment that amc, a plug-in or an allowed module has."""
    known = {**KNOWN, **TAKES}
    if name in known or info.context == ACCEPTED:
        return name
    versions = [other for other in known if other.rpartition("-v")[0].lower() == name.lower()]
    if versions:
        raise ValueError(f"{name!r} lacks its version. Write {' or '.join(map(repr, versions))}.")
    if may_be_registered(name):
        return name  # what is installed is asked for all names and arguments together
    return _known(name, info, built_in=known, group=ENVIRONMENTS, kind="environment")


def wrapper(name: str, info: ValidationInfo) -> str:
    """A wrapper that amc, a plug-in or an allowed module has; none of those amc replaces."""
    module, _, attribute = name.partition(":")
    if module.partition(".")[0] == "gymnasium" and attribute in _REPLACED and not info.context:
        raise ValueError(
            f"{name!r} keeps statistics that neither evaluation nor checkpoints would get. "
            f"Write {_REPLACED[attribute]!r} instead."
        )
    return _known(name, info, built_in=WRAPPERS, group=WRAPPERS_GROUP, kind="wrapper")


def search(name: str, info: ValidationInfo) -> str:
    """A hyperparameter optimizer that amc, a plug-in or an allowed module has."""
    package = _EXTRAS.get(name)
    if package and info.context != ACCEPTED and find_spec(package) is None:
        raise ValueError(
            f"{name!r} needs {package.title()}, which is not installed here. "
            f"Install it: pip install 'ai-mission-control[{name}]'."
        )
    meant = _MEANT_SEARCHES.get(re.sub("[-_ ]", "", name.lower()))
    return _known(
        name, info, built_in=SEARCHES, group="amc.optimizers", kind="optimizer", meant=meant
    )


def device(name: str) -> str:
    """Where a trial computes."""
    if re.fullmatch(DEVICE_PATTERN, name):
        return name
    number = re.fullmatch(r"(?:gpu|cuda|nvidia)?[:_ -]?([0-9]{1,3})", name.lower())
    meant = f"cuda:{int(number[1])}" if number else _MEANT_DEVICES.get(name.lower())
    hint = f"Did you mean {meant!r}? " if meant else ""
    raise ValueError(f"{name[:_LONGEST]!r} is no device. {hint}Write auto, cpu, cuda or cuda:N.")


def environment_keyword(name: str) -> str:
    """A keyword argument that an environment may be given by a config."""
    if name in RESERVED_KEYWORDS:
        raise ValueError(RESERVED_KEYWORDS[name])
    return name


def is_plug_in(name: str, group: str) -> bool:
    """Whether an entry point of the group, or an allowed module, has the name."""
    if ":" in name:
        return _REFERENCE.fullmatch(name) is not None and is_allowed(name)
    return name in registered((), group)


def may_be_registered(name: str) -> bool:
    """Whether a package that is installed here may register an environment of this name."""
    is_id = ":" not in name and 0 < len(name) <= _LONGEST
    return is_id and not is_plug_in(name, ENVIRONMENTS) and others_register()


def _known(
    name: str,
    info: ValidationInfo,
    *,
    built_in: Iterable[str],
    group: str,
    kind: str,
    meant: str | None = None,
) -> str:
    if name in built_in or info.context == ACCEPTED:
        return name
    known = registered(built_in, group)
    is_reference = _REFERENCE.fullmatch(name) is not None
    if name in known or (is_reference and is_allowed(name)):
        return name
    if len(name) > _LONGEST or (":" in name and not is_reference):
        raise ValueError(f"{name[:_LONGEST]!r} is neither a known {kind} nor module:Name.")
    raise ValueError(unknown(name, known, kind=kind, meant=meant))
