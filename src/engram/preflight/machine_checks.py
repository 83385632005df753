"""Preflight: what a study will take, beside what there is, before anything is queued."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.bold.clock import CONFIRMED
from engram.preflight.survey import StorySurvey
from engram.wording import count
from engram.words.stories import PSEUDO

logger = logging.getLogger(__name__)

#: Fewest null texts with which p over texts can be 0.05.
_FEWEST_NULL_TEXTS = 19
#: Listeners that a check names.
_NAMED = 5
#: What a check can say.
FINE, LOOK, STOP = "ok", "look", "STOP"


@dataclass(frozen=True)
class Machine:
    """What the machine has: bytes of memory and of free disk, cores, bytes of each GPU."""

    memory: float
    disk: float
    cores: int
    gpus: tuple[float, ...]


@dataclass(frozen=True)
class Check:
    """What was looked at, how it stands, what was found, and what to do."""

    what: str
    state: str
    found: str


def this_machine(folder: Path) -> Machine:
    """Return what this machine has; free disk where a folder is, or will be."""
    while not folder.exists():
        folder = folder.absolute().parent
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        float(memory), float(shutil.disk_usage(folder).free), os.cpu_count() or 1, _gpus()
    )


def _gpus() -> tuple[float, ...]:
    try:
        command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
        text = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(float(line) * 2**20 for line in text.split())


def checks(
    config: Mapping[str, Any],
    machine: Machine,
    ask_hub: Callable[[str, str | None], str],
    environment: Mapping[str, str] = os.environ,
) -> list[Check]:
    """Return what was looked at, beside the configuration, which was checked before.

    Parameters
    ----------
    config : mapping
        ``jobs`` (by rule ``count``, ``memory``, ``gpu`` and ``seconds``, and ``sure_memory``
        and ``sure_gpu`` of jobs that read no model of assumed shape), ``disk`` (bytes), ``models``,
        ``assumed`` (models of assumed shape), ``annotators``, ``mirror``, ``fetches_by_datalad``,
        ``null_texts`` (how many, None without associations), ``untested`` (the test stories
        that listeners lack),
        ``wants_gpu``, ``remote`` (jobs go to a cluster, whose nodes are not looked at).
    machine : Machine
    ask_hub : callable
        Returns "" if a model of the hub can be had at a revision, else why not.
    environment : mapping
        For tokens.
    """
    models = ((one["code"], _model(one, config["mirror"], ask_hub)) for one in config["models"])
    found = [
        Check("configuration", FINE, "checked"),
        *(_with_code(check) if code else check for code, check in models),
        *(_annotator(name, environment) for name in config["annotators"]),
        *([_datalad()] if config["fetches_by_datalad"] else []),
        *([_null_texts(config["null_texts"])] if config["null_texts"] is not None else []),
        *([_untested(config["untested"])] if config["untested"] else []),
        _disk(config, machine),
    ]
    if config["remote"]:
        where = "asked of the cluster for each job; its nodes are not looked at from here"
        return [*found, Check("memory, GPU", LOOK, where)]
    return [*found, _memory(config, machine), _gpu(config, machine)]


def _annotator(name: str, environment: Mapping[str, str]) -> Check:
    what = f"annotator {name}"
    if environment.get("ENGRAM_CHAT_KEY"):
        return Check(what, FINE, "a key is given")
    return Check(what, LOOK, "no key (ENGRAM_CHAT_KEY); fine for an endpoint that wants none")


def _untested(lacking: Mapping[str, Sequence[str]]) -> Check:
    """Return which listeners did not hear which test stories."""
    named = [f"{subject} ({', '.join(stories)})" for subject, stories in lacking.items()]
    more = f", and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return Check(
        "test stories",
        LOOK,
        f"{count(len(named), 'listener')} did not hear all, and are not scored there: "
        f"{', '.join(named[:_NAMED])}{more} (tables/folds.tsv)",
    )


def _null_texts(number: int) -> Check:
    """Return whether a test over so many null texts can show anything."""
    smallest = f"{number}; no p over texts is below {1 / (1 + number):.3g}"
    if number >= _FEWEST_NULL_TEXTS:
        return Check("null texts", FINE, smallest)
    advice = (
        "nothing can be shown at 0.05: 39 serve for a few regions, 99 for an atlas "
        "(association_effect.controls.random)"
    )
    return Check("null texts", LOOK, f"{smallest}: {advice}")


def _datalad() -> Check:
    if importlib.util.find_spec("datalad") is not None:
        return Check("DataLad", FINE, "is installed")
    return Check("DataLad", STOP, "is not installed, and fetches the dataset: make datalad")


def _disk(config: Mapping[str, Any], machine: Machine) -> Check:
    advice = "Put results elsewhere (pathvars), or take fewer stories, or bold.targets: roi"
    check = _compared("disk", config["disk"], machine.disk, advice)
    return _unless_assumed(check, 0, machine.disk, config["assumed"])


def _memory(config: Mapping[str, Any], machine: Machine) -> Check:
    jobs = config["jobs"]
    rule = max(jobs, key=lambda name: jobs[name]["memory"])
    sure = max(one["sure_memory"] for one in jobs.values())
    advice = (
        "Take bold.targets: roi, fewer layers at once or fewer listeners (dataset.listeners), "
        "a larger machine, or a cluster (docs/how-to/clusters.md)"
    )
    check = _compared(f"memory ({rule})", jobs[rule]["memory"], machine.memory, advice)
    return _unless_assumed(check, sure, machine.memory, config["assumed"])


def _gpu(config: Mapping[str, Any], machine: Machine) -> Check:
    if not machine.gpus:
        if config["wants_gpu"]:
            why = (
                "the configuration wants one (cuda), and nvidia-smi lists none. Write 'auto', "
                "or run where there is one"
            )
            return Check("GPU", STOP, why)
        return Check("GPU", LOOK, "none is listed: everything runs on the CPU")
    jobs, largest = config["jobs"], max(machine.gpus)
    rule = max(jobs, key=lambda name: jobs[name]["gpu"])
    sure = max(one["sure_gpu"] for one in jobs.values())
    advice = (
        "Take compute.reading_dtype: bfloat16 and a smaller activations.batch_tokens, or the CPU "
        "(compute.device, compute.backend)"
    )
    check = _compared(f"GPU memory ({rule})", jobs[rule]["gpu"], largest, advice)
    return _unless_assumed(check, sure, largest, config["assumed"])


def data_checks(found: Sequence[StorySurvey]) -> list[Check]:
    """Return a check for each story: its faults, each as its job would say it, or its clock.

    Stories with the same words at the same times are named: two files may be copies of one.
    """
    checked = []
    first: dict[str, str] = {}
    for one in found:
        what = f"story {one.story}"
        checked += [Check(what, STOP, fault) for fault in one.faults]
        if one.clock is not None:
            checked.append(
                Check(
                    what,
                    FINE if one.clock.verdict == CONFIRMED else LOOK,
                    one.clock.said(one.story).split(": ", 1)[1],
                )
            )
        if one.sentences == PSEUDO:
            checked.append(
                Check(
                    what,
                    LOOK,
                    "its words have no punctuation, and models read them so; sentences are cut "
                    "after a fixed number of words (stories.pseudo_sentence). Words of an "
                    "alignment get theirs by a transcript (words: {transcript: ...})",
                )
            )
        other = first.setdefault(one.timings, one.story) if one.timings else one.story
        if other != one.story:
            checked.append(
                Check(
                    what,
                    LOOK,
                    f"has the words of story {other} at the same times: is its file of words "
                    "that story's?",
                )
            )
    return checked


def _model(
    model: Mapping[str, Any], mirror: str | None, ask_hub: Callable[[str, str | None], str]
) -> Check:
    what, source = f"model {model['name']}", model["source"]
    if model["here"]:
        return Check(what, FINE, f"{source}: is here")
    if mirror is not None:
        folder = Path(mirror) / "models" / source
        return (
            Check(what, FINE, f"{source}: in the mirror")
            if folder.is_dir()
            else Check(what, STOP, f"the mirror has no folder '{folder}'")
        )
    if why := ask_hub(source, model["revision"]):
        return Check(what, STOP, why)
    advice = "" if model["revision"] else "; give its 'revision', to have the same weights later"
    return Check(what, FINE, f"{source}: on the hub{advice}")


def _with_code(check: Check) -> Check:
    return Check(
        check.what,
        LOOK if check.state == FINE else check.state,
        f"{check.found}; code of its own will run (trust_remote_code)",
    )


def ask_hub(source: str, revision: str | None) -> str:
    """Return "" if the hub has a model and gives it to us, else why not and what to do."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        api = HfApi()
        api.model_info(source, revision=revision, timeout=20)
        api.auth_check(source)
    except GatedRepoError:
        return (
            f"{source} is gated: ask for access on its page, then make a token known "
            "(HF_TOKEN, or 'hf auth login')"
        )
    except RevisionNotFoundError:
        return f"{source} has no revision '{revision}'"
    except (RepositoryNotFoundError, HFValidationError):
        return (
            f"the hub has no model '{source}' that this token may see; a folder is "
            f"written as a path: ./{source}"
        )
    except Exception as error:  # as many kinds as the client's HTTP library has
        return (
            f"the hub cannot be reached ({type(error).__name__}), so that nobody knows whether "
            f"it has '{source}'. Check the network, or name a folder or a mirror (ENGRAM_MIRROR) "
            f"that has 'models/{source}'"
        )
    return ""


def _compared(what: str, needed: float, there: float, advice: str) -> Check:
    text = f"about {_size(needed)} needed, {_size(there)} there"
    if needed > there:
        return Check(what, STOP, f"{text}. {advice}")
    return Check(what, LOOK if needed > 0.8 * there else FINE, text)


def _unless_assumed(check: Check, sure: float, there: float, assumed: Sequence[str]) -> Check:
    """Return a check that stops nothing where only an assumption would.

    Models whose configuration is not here yet may be smaller.
    """
    if check.state != STOP or not assumed or sure > there:
        return check
    names = ", ".join(assumed[:5])
    text = (
        f"{check.found}. This assumes 7 billion parameters for {names}, whose config.json is not "
        "here; look up its size, or ask again once it is downloaded"
    )
    return Check(check.what, LOOK, text)


def table(config: Mapping[str, Any], machine: Machine) -> str:
    """Return the jobs of a whole run as a table.

    It tells how many, the memory of the largest, and the time of all on two cores.
    """
    lines = [f"{'rule':<16}{'jobs':>6}{'memory':>10}{'GPU':>10}{'time':>10}"]
    for rule, one in config["jobs"].items():
        gpu = _size(one["gpu"]) if one["gpu"] else "-"
        lines.append(
            f"{rule:<16}{one['count']:>6}{_size(one['memory']):>10}"
            f"{gpu:>10}{_time(one['seconds']):>10}"
        )
    total = sum(one["seconds"] for one in config["jobs"].values())
    lines.append(
        f"{'all':<16}{sum(one['count'] for one in config['jobs'].values()):>6}"
        f"{'':>20}{_time(total):>10}"
    )
    where = (
        "a cluster"
        if config["remote"]
        else f"{machine.cores} cores, {_size(machine.memory)}, {len(machine.gpus)} GPUs"
    )
    return "\n".join(
        [
            *lines,
            (
                "Jobs of a run from nothing, downloads and drawing apart; time rough, "
                f"on two cores without a GPU, one job after the other. Here: {where}."
            ),
        ]
    )


def report(found: Sequence[Check]) -> str:
    """Return the checks as a table."""
    width = max(len(one.what) for one in found) + 2
    return "\n".join(f"{one.state:<6}{one.what:<{width}}{one.found}" for one in found)


def _size(number: float) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e8 else f"{number / 1e6:.0f} MB"


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{max(seconds, 60) / 60:.0f} min"
