"""The oracle over an experiment's directory: whether what is recorded there can be what happened.

`verify` reads every record afresh and decides every decision again; `replay` trains segments again.
Neither asks Redis: what counts is in the ledger.
"""

import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from amc.config.backend import COMPILED_VERSION
from amc.config.kernel import OWN, versioned_kernel
from amc.driver.planning import plan
from amc.errors import AmcError, LedgerError
from amc.ledger import (
    Decision,
    History,
    Ledger,
    Report,
    Request,
    Segment,
    files,
    log,
    requests,
    snapshots,
)
from amc.ledger.ancestry import config_of
from amc.ledger.kinds import Kind, kinds
from amc.ledger.paths import digest_path
from amc.ledger.winner import Winner, winner
from amc.training.provenance import Provenance
from amc.training.trial import TrialContext, ancestors
from amc.version import VERSION
from amc.workers.base import BaseWorker


def verify(ledger: Ledger) -> list[str]:
    """What is wrong with an experiment, a sentence each; empty if it is sound.

    Every decision follows from what was known when it was made, and is what its copy says; every
    segment has one report, which was learned once and is the one on disk; every segment started
    from what the one before came to; final checkpoints that are there are whole; requests, ends,
    the winner and its config are those of the log.
    """
    try:
        ledger = Ledger(ledger.directory)
        decisions = list(_decisions(ledger))
        past = History().after(*decisions)
        found = [
            *_copies(ledger, decisions),
            *_snapshots(ledger, decisions),
            *_decided_again(ledger, decisions),
            *_reports(ledger, past),
            *_lineages(past),
            *_checkpoints(ledger, past),
            *_requests(ledger, past),
            *_ends(ledger, decisions),
            *_best(ledger, past),
        ]
    except LedgerError as error:
        return [str(error)]
    return found


def remarks(ledger: Ledger) -> list[str]:
    """What may come out otherwise though nothing is wrong, a sentence each."""
    past = ledger.history()
    found = [
        f"decisions from {number} on were made by amc {version} and not made again by this one, "
        f"{VERSION}, which may decide otherwise."
        for number, version in past.made_by
        if version != VERSION
    ]
    ran_with = kinds(past)
    if len(ran_with) > 1:
        told = "; ".join(f"{kind} ({len(trials)} trials)" for kind, trials in ran_with.items())
        found.append(f"bits may differ between the {len(ran_with)} kinds that it ran with: {told}.")
    return [*found, *_own(past)]


def _own(past: History) -> Iterator[str]:
    """What does not hold where a trainer of the user's own trains: its bits are its own."""
    trials = sorted({key[0] for key, one in past.learned.items() if one.kernel == OWN})
    if trials:
        yield (
            f"{len(trials)} of {len(past.trials)} trials were trained by a trainer of your own: "
            "their records, the decisions and one report a segment are checked as for any other; "
            "what comes out when one is trained again is the trainer's own, and not checked."
        )
    yield from (told for told, is_own in _other_starts(past) if is_own)


def count_own(ledger: Ledger) -> int:
    """How many segments a trainer of the user's own trained, which `replay` leaves out."""
    return sum(one.kernel == OWN for one in ledger.history().learned.values())


def excuse(ledger: Ledger, segment: Segment) -> str | None:
    """Why a segment that is trained again here may come to other bits; None if nothing says so."""
    report = ledger.history().report(segment.key)
    assert report is not None, "who asks has compared with it"
    if OWN in (report.kernel, versioned_kernel(ledger.config)):
        return "a trainer of your own trained it, and its bits are its own"
    own, there = Provenance.here(ledger.config), Kind.of(report)
    here = Kind(own.amc, own.kernel, _installed(report.environment), own.cpu)
    return None if not report.cpu or here == there else f"it ran with {there}; here is {here}"


def _installed(environment: str) -> str:
    """What ran, with the version of its backend that is here."""
    backend, _, rest = environment.partition(" ")
    if backend.startswith("compiled@"):
        return f"compiled@{COMPILED_VERSION} {rest}"
    try:
        return f"{backend} {version(backend)} {rest.partition(' ')[2]}"
    except PackageNotFoundError:
        return backend


def _decisions(ledger: Ledger) -> Iterator[Decision]:
    number = 0
    while (decision := log.read(ledger.paths, number)) is not None:
        yield decision
        number += 1


def _decided_again(ledger: Ledger, decisions: list[Decision]) -> Iterator[str]:
    config, past = ledger.config, History()
    for decision in decisions:
        asked = decision.requests
        if past.finish is not None and not asked:
            # What lets it go on may wait for its turn: steps are given once nothing else is left.
            asked = _steps_asked(decisions[decision.number :])[:1]
        # Format 1 had no such file; another version of amc may well decide otherwise.
        was_ours = files.exists(ledger.paths.decision(decision.number)) and decision.amc == VERSION
        known = replace(
            past.seen({report.key: report for report in decision.learned}),
            asked=asked,
            now=decision.now,
            is_cancelled=decision.finish == "cancelled",
        )
        if was_ours and not _is_failure(decision):
            try:
                again = plan(config, known)
            except AmcError as error:
                again, why = None, f" ({error})"
            else:
                why = ""
            if again is None or replace(again, amc=VERSION) != decision:
                yield f"decision {decision.number}: decided again, it comes out otherwise{why}."
        past = past.after(decision)


def _steps_asked(decisions: list[Decision]) -> tuple[Request, ...]:
    return tuple(one for told in decisions for one in told.requests if one.kind == "steps")


def _copies(ledger: Ledger, decisions: list[Decision]) -> Iterator[str]:
    """What would be read in place of a decision whose record is damaged."""
    for decision in decisions:
        path = ledger.paths.decision_copy(decision.number)
        try:
            if log.read_copy(ledger.paths, decision.number) not in (None, decision):
                yield f"{path}: is not the decision that it is a copy of. Remove it."
        except LedgerError as error:
            yield f"{error} The decision itself is whole: remove its copy."


def _snapshots(ledger: Ledger, decisions: list[Decision]) -> Iterator[str]:
    """Pages that could be taken for the log and are not; a damaged one is read by nobody."""
    for first in range(0, len(decisions), snapshots.PAGE):
        page = snapshots.read(ledger.paths, first)
        if page and page != decisions[first : first + snapshots.PAGE]:
            path = ledger.paths.snapshot(first // snapshots.PAGE)
            yield f"{path}: is not what the decisions say. Remove it."


def _is_failure(decision: Decision) -> bool:
    """Whether it tells of an error, which need not come again here."""
    return decision.finish == "failed"


def _reports(ledger: Ledger, past: History) -> Iterator[str]:
    for key in past.segments:
        told, found = past.learned.get(key), ledger.report(*key)
        where = f"segment {key[1]} of trial {key[0]}"
        if told is not None and found != told:
            yield f"{where}: its report is {'gone' if found is None else 'not the one learned'}."
        if told is None and past.finish is not None:
            yield f"{where}: the experiment ended, and it was never learned."
        if found is not None and found.attempt > len(ledger.attempts(key[0])):
            yield f"{where}: reported by attempt {found.attempt}, which nobody claimed."


def _lineages(past: History) -> Iterator[str]:
    yield from (told for told, is_own in _other_starts(past) if not is_own)


def _other_starts(past: History) -> Iterator[tuple[str, bool]]:
    """Segments that started from something else than their start was reported to have come to.

    Yields:
        A sentence; and whether a trainer of the user's own trained, which may come to something
        else where a start was lost and had to be trained again.
    """
    for key, report in past.learned.items():
        start = past.segments[key].start
        before = None if start is None else past.learned[start].digest
        if report.digest is not None and report.start_digest != before:
            told = (
                f"segment {key[1]} of trial {key[0]}: it started from {report.start_digest}, but "
                f"the one before came to {before}."
            )
            yield told, _may_differ(report, start is not None)


def _may_differ(report: Report, has_start: bool) -> bool:
    # From nothing comes no digest, and from a checkpoint comes one, whoever trains.
    return report.kernel == OWN and has_start and report.start_digest is not None


def _checkpoints(ledger: Ledger, past: History) -> Iterator[str]:
    paths = ledger.paths
    final = (
        paths.trial(key[0]).directory / (report.checkpoint or "")
        for key, report in past.learned.items()
    )
    for path in (*final, *paths.best_files.glob("*.pt")):
        if path.is_file() and not files.has_digest(path, digest_path(path)):
            yield f"{path}: damaged: its content does not match its SHA-256."


def _requests(ledger: Ledger, past: History) -> Iterator[str]:
    for number, told in past.requests.items():
        if requests.read(ledger.paths, number) != told:
            path = ledger.paths.request(number)
            yield f"{path}: is not the request that a decision dealt with."


def _ends(ledger: Ledger, decisions: list[Decision]) -> Iterator[str]:
    told, handled = {}, 0
    for decision in decisions:
        handled += len(decision.requests)
        if decision.finish is not None:
            told[handled] = decision.finish
    for number, end in requests.ends(ledger.paths).items():
        if end.state != told.get(number):
            path, was = ledger.paths.end(number), told.get(number, "it went on")
            yield f"{path}: says {end.state}, the log says {was}."
    newest, finish = ledger.end, decisions[-1].finish if decisions else None
    if newest is not None and newest.state != finish:
        was = finish or "it goes on"
        yield f"{ledger.directory}: it ended, {newest.state}, but the log says {was}."


def _best(ledger: Ledger, past: History) -> Iterator[str]:
    if ledger.end is None:
        return
    stored, best = files.read(ledger.paths.best), winner(ledger.config, past)
    told = None if stored is None else Winner.from_json(stored, ledger.paths.best)
    if told != best:
        yield f"{ledger.paths.best}: is not the winner that the log tells."
    # What another version wrote has the settings that there were then.
    is_ours = [version for _, version in past.made_by[-1:]] == [VERSION]
    if best is not None and is_ours:
        config = config_of(ledger.config, past, best.trial.number)
        if files.read(ledger.paths.best_config) != config.to_json():
            yield f"{ledger.paths.best_config}: is not the config that trains the winner again."
    if best is not None and best.result.checkpoint is not None:
        own = ledger.paths.trial(best.trial.number).directory / best.result.checkpoint
        agent, digest = ledger.paths.best_agent(own.suffix), digest_path(own)
        if files.has_digest(own, digest) and not files.has_digest(agent, digest):
            yield f"{agent}: is not the winner's."


def replay(ledger: Ledger, count: int, seed: int = 0) -> Iterator[tuple[Segment, str | None]]:
    """Train completed segments again, drawn by a seed, each from where it started.

    Not those that a trainer of the user's own trained: nothing says that it comes to the same bits,
    and nothing that is recorded has a command run.

    Args:
        ledger: of the experiment.
        count: how many; all if there are fewer.
        seed: of the draw.

    Yields:
        Each segment, and what came out otherwise; None where everything is the same to the bit.
    """
    past = ledger.history()
    # By the config, too, which says what would be run: a report is no more than a record.
    reports = () if ledger.config.has_own_trainer else past.learned.values()
    done = [past.segments[one.key] for one in reports if one.digest and one.kernel != OWN]
    for segment in random.Random(seed).sample(done, min(count, len(done))):
        with tempfile.TemporaryDirectory(prefix="amc-verify-") as place:
            yield segment, _trained_again(ledger, past, segment, Path(place))


def _trained_again(ledger: Ledger, past: History, segment: Segment, place: Path) -> str | None:
    context = TrialContext(
        trial=past.trials[segment.trial],
        attempt=1,
        directory=place,
        tensorboard=place / "tensorboard",
        segment=segment,
        lineage=ancestors(past, ledger.paths, segment),
    )
    try:
        outcome = BaseWorker("verify", ledger.config, place, trial=context).run()
    except AmcError as error:
        return f"an error: {error}"
    told = past.learned[segment.key]
    pairs = {
        "digest": (told.digest, outcome.digest),
        "score": (told.score, outcome.score),
        "step": (told.step, outcome.steps),
        "state": (told.state, outcome.state),
    }
    wrong = [f"{name} {new}, not {old}" for name, (old, new) in pairs.items() if old != new]
    return "; ".join(wrong) or None
