"""How well the presets of `configs/presets/` learn: trains them over seeds, and writes the table.

    python benchmarks/learning.py [ppo_hopper ...] [--seeds 5] [--jobs 2] [--table]

Without names these are the presets of amc's own algorithms; those of Stable-Baselines3 take days.

Each run is `amc train PRESET --seed N --resume` in a directory of its own, so whatever interrupts
this program, the same command goes on where it stopped, with the same bits in the end. A run that
ended is a row in `benchmarks/results/learning.json`, which names the preset's settings by a digest:
a preset that changed is trained anew. The score is the mean return of the deterministic policy
after the last step, over the preset's `eval_episodes`, statistics of normalisers frozen.

`--table` trains nothing and writes the rows that are there into `docs/benchmarks.md`.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scipy.stats import trim_mean

from amc.config.loader import ConfigLoader

ROOT = Path(__file__).parent.parent
PRESETS = ROOT / "configs" / "presets"
RESULTS = ROOT / "benchmarks" / "results" / "learning.json"
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- learning: begin -->", "<!-- learning: end -->"

# What does not change what is learned.
WATCHING = {"eval_freq", "save_freq", "device", "threads", "stall_timeout", "max_attempts"}

# Newer than the first rows; with these values they change nothing, so those rows stay good.
NEWER = {"precision": "float32"}

PUBLISHED = {
    "ppo_cartpole": "500 (rl-zoo3, 100k)",
    "ppo_acrobot": "-73.5 (rl-zoo3)",
    "ppo_mountaincar": "-110 (rl-zoo3)",
    "ppo_lunarlander": "242 (rl-zoo3)",
    "ppo_pendulum": "-172 (rl-zoo3, 100k)",
    "ppo_halfcheetah": "5784 +- 1244 (tianshou), 5819 (rl-zoo3), 1443 +- 46 (CleanRL)",
    "ppo_hopper": "2609 +- 701 (tianshou), 2410 (rl-zoo3), 2383 +- 272 (CleanRL)",
    "ppo_walker2d": "3589 +- 757 (tianshou), 3479 (rl-zoo3), 2288 +- 572 (CleanRL)",
    "ppo_ant": "3258 +- 1079 (tianshou), 1327 (rl-zoo3)",
    "ddpg_pendulum": "-152 (rl-zoo3, 20k)",
    "ddpg_halfcheetah": "11719 +- 466 (tianshou), 10374 +- 157 (CleanRL), 8577 (TD3's authors)",
    "ddpg_hopper": "2197 +- 972 (tianshou), 1577 +- 819 (CleanRL), 1860 (TD3's authors)",
    "ddpg_walker2d": "1401 +- 905 (tianshou), 1240 +- 390 (CleanRL), 3098 (TD3's authors)",
    "ddpg_ant": "990 +- 4 (tianshou), 889 (TD3's authors)",
    "sac_pendulum": "-157 (rl-zoo3, 20k)",
    "sac_halfcheetah": "9535 (rl-zoo3)",
    "sac_hopper": "2326 (rl-zoo3)",
    "sac_walker2d": "3863 (rl-zoo3)",
    "sac_ant": "4616 (rl-zoo3)",
    "sac_humanoid": "6232 (rl-zoo3, 2M)",
    "td3_pendulum": "-152 (rl-zoo3, 20k)",
    "td3_halfcheetah": "9656 (rl-zoo3)",
    "td3_hopper": "3606 (rl-zoo3)",
    "td3_walker2d": "4718 (rl-zoo3)",
    "td3_ant": "5813 (rl-zoo3)",
    "td3_humanoid": "5567 (rl-zoo3, 2M)",
    "dqn_cartpole": "500 (rl-zoo3, 50k)",
    "dqn_lunarlander": "154 (rl-zoo3, 100k)",
}
OWN = ("ppo_", "ddpg_")

Row = dict[str, Any]


def settings_digest(preset: str) -> str:
    """A name for everything in a preset that decides what is learned, defaults included."""
    settings = ConfigLoader().load_config(PRESETS / f"{preset}.json").to_json()
    for name in ("experiment_name", "description", "seed", "keep_checkpoints"):
        settings.pop(name)
    for name in WATCHING:
        settings["training"].pop(name)
    for name, value in NEWER.items():
        if settings["training"].get(name) == value:
            settings["training"].pop(name)
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def read_rows() -> list[Row]:
    rows: list[Row] = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    return [row for row in rows if row["settings"] == settings_digest(row["preset"])]


def write_rows(rows: list[Row]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    rows = sorted(rows, key=lambda row: (row["preset"], row["seed"]))
    RESULTS.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


def train(preset: str, seed: int, runs: Path) -> Row:
    """One run, or the rest of it."""
    settings = settings_digest(preset)
    directory = runs / f"{preset}-{settings}" / f"seed-{seed}"
    command = [sys.executable, "-m", "amc", "train", str(PRESETS / f"{preset}.json")]
    command += ["--seed", str(seed), "--out", str(directory), "--resume", "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(ran.stdout)
    return {
        "preset": preset,
        "seed": seed,
        "settings": settings,
        "score": round(result["score"], 2),
        "steps": result["steps"],
        "environment": result["environment"],
        "digest": result["digest"],
        "torch": version("torch"),
    }


def train_all(presets: list[str], n_seeds: int, *, jobs: int, runs: Path) -> None:
    done = {(row["preset"], row["seed"]) for row in read_rows()}
    # Seed by seed, so that whenever this ends every preset has about as many.
    wanted = [(preset, seed) for seed in range(n_seeds) for preset in presets]
    with ThreadPoolExecutor(jobs) as pool:
        todo = [pair for pair in wanted if pair not in done]
        for row in pool.map(lambda pair: train(*pair, runs), todo):
            # Read anew: another of these programs may train other presets.
            write_rows([*read_rows(), row])
            print(f"{row['preset']} seed {row['seed']}: {row['score']}", flush=True)


def table(rows: list[Row]) -> list[str]:
    lines = [
        "| preset | environment | steps | mean | std | IQM | seeds | published, mean +- std |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for preset in PUBLISHED:
        found = [row for row in rows if row["preset"] == preset]
        if not found:
            continue
        scores = [row["score"] for row in found]
        spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
        cells = (
            f"`{preset}`",
            found[0]["environment"],
            f"{found[0]['steps']:,}",
            f"{statistics.fmean(scores):,.1f}",
            f"{spread:,.1f}",
            f"{trim_mean(scores, 0.25):,.1f}",
            str(len(scores)),
            PUBLISHED[preset],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def write_table(rows: list[Row]) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    lines = "\n".join(table(rows))
    PAGE.write_text(f"{before}{BEGIN}\n{lines}\n{END}{after}")


def main() -> None:
    names = sorted(path.stem for path in PRESETS.glob("*.json"))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("presets", nargs="*", choices=[[], *names], default=[])
    parser.add_argument("--seeds", type=int, default=5, help="train seeds 0 to N - 1")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "learning")
    parser.add_argument("--table", action="store_true", help="train nothing, write the table")
    options = parser.parse_args()
    if not options.table:
        presets = options.presets or [name for name in names if name.startswith(OWN)]
        train_all(presets, options.seeds, jobs=options.jobs, runs=options.runs)
    write_table(read_rows())


if __name__ == "__main__":
    main()
