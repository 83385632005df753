"""Why a result would be made again: what changed since it was made.

What a job's sidecar says it was made of is compared with what the plan would make it of now.

Sidecars are the only memory: they lie beside the results and go where these go, while Snakemake's
own metadata stay in a working directory. `engram.runs.sidecar_memory` answers Snakemake's
questions from here. Nothing heavy is imported, and large files are read only where a look
(`engram.files.raw_files`) cannot tell and reading is allowed: never in a dry-run, never by a job.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.files import raw_files
from engram.files.checksums import provenance, sha256
from engram.files.raw_files import SMALL, Digests, Signature

#: Differences of a configuration that a message shows, and characters of a value.
_MOST_SHOWN, _LONGEST_SHOWN = 3, 60
#: Said where a sidecar is not there or not readable.
NO_RECORD = "nothing says how it was made (its sidecar is missing)"


@dataclass(frozen=True)
class Job:
    """What the plan says of a job.

    Attributes
    ----------
    outputs : dict
        Paths with whether each is a folder.
    config : Any
        The rule's parameter of this name, as a sidecar keeps it; ``code`` and ``reads``
        (`engram.files.raw_files.listed`) likewise.
    inputs : dict
        Results of other jobs: paths with their places below the folder of results or downloads,
        which may be another than when they were made.
    """

    outputs: Mapping[str, bool]
    config: Any
    code: Any
    inputs: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """How a job's plan differs from what its outputs were made of.

    It may differ in parameters (old and new), and in what is read.
    """

    before: tuple[str, ...] = ()
    now: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.causes)


def sidecar(output: str, is_folder: bool) -> Path:
    """Return the sidecar of an output, which need not be there itself."""
    return Path(f"{output}.json") if is_folder else Path(output).with_suffix(".json")


class Looks:
    """Looks at raw files, and reads them where that is needed and allowed.

    Parameters
    ----------
    digests : Digests
    may_read : bool
        Whether files larger than `SMALL` may be read.

    Attributes
    ----------
    assumed : list of str
        Large files taken for unchanged, since size and time of change are, though they lie
        elsewhere on the disk than before.
    """

    def __init__(self, digests: Digests, may_read: bool) -> None:
        self._digests, self._may_read = digests, may_read
        self.assumed: list[str] = []
        self._seen: dict[str, str | None] = {}
        self._records: dict[Path, dict[str, Any]] = {}

    def record(self, place: Path) -> dict[str, Any]:
        """Return the provenance that a sidecar holds, read once; nothing where there is none."""
        if place not in self._records:
            self._records[place] = provenance(place)
        return self._records[place]

    def unsure(self, record: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Return the large files of a record that only reading can tell, with sizes as recorded."""
        found = []
        for path, known in record.items():
            now = self._signature(path)
            if (
                now
                and SMALL < now.size == known.get("size")
                and now != Signature.read(known)
                and self._digests.known(path, now) is None
            ):
                found.append(path)
        return found

    def is_same(self, path: str, known: Mapping[str, Any]) -> bool:
        """Tell whether a raw file has the content that was recorded of it."""
        now = self._signature(path)
        if now is None or now.size != known.get("size"):
            return False
        before = Signature.read(known)
        if now == before:
            return True
        if now.size <= SMALL or self._may_read:
            return self._digest(path) == known["sha256"]
        remembered = self._digests.known(path, now)
        if remembered is not None:
            return remembered == str(known["sha256"])
        if before is None or now.modified == before.modified:
            self.assumed.append(path)
            return True
        return False

    def read(self, paths: Sequence[str]) -> None:
        """Read files, several at once; their digests are known afterwards."""
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            list(pool.map(self._digest, sorted(set(paths))))

    def _digest(self, path: str) -> str | None:
        if path not in self._seen:
            try:
                self._seen[path] = self._digests.of(path) if self._may_read else sha256(path)
            except (OSError, EngramError):
                # Not readable, or written to just now: a job that reads it says so.
                self._seen[path] = None
        return self._seen[path]

    @staticmethod
    def _signature(path: str) -> Signature | None:
        try:
            return Signature.of(path)
        except OSError:
            return None


def changes(job: Job, looks: Looks) -> Changes:
    """Return how a job's plan differs from what its outputs were made of.

    There is nothing where they are current.

    Parameters
    ----------
    job : Job
    looks : Looks
        Files that only reading can tell are read by it, where it may.
    """
    found: list[Changes] = []
    for place in sorted({sidecar(path, is_folder) for path, is_folder in job.outputs.items()}):
        record = looks.record(place)
        if not record:
            return Changes(now=(NO_RECORD,), causes=(NO_RECORD,))
        found.append(_compared(job, record, looks))
    return next((one for one in found if one), Changes())


def _compared(job: Job, record: Mapping[str, Any], looks: Looks) -> Changes:
    before, now, inputs, causes = [], [], [], []
    differences = list(_differences(record.get("Config"), json.loads(json.dumps(job.config)), ""))
    for key, old, new in differences[:_MOST_SHOWN]:
        before.append(f"{key}={old}")
        now.append(f"{key}={new}")
        causes.append(f"{key} was {old}, is {new}")
    if len(differences) > _MOST_SHOWN:
        causes.append(f"{len(differences) - _MOST_SHOWN} other settings changed")
    if record.get("Code") != job.code:
        before.append(f"code={record.get('Code')}")
        now.append(f"code={job.code}")
        causes.append("its code changed")
    changed = [
        *_changed_results(job.inputs, record.get("Inputs", {}), looks),
        *_changed_raw(job.reads, record.get("RawFiles", {}), looks),
    ]
    for path, cause in changed:
        inputs.append(path)
        causes.append(cause)
    return Changes(tuple(before), tuple(now), tuple(inputs), tuple(causes))


def _differences(old: Any, new: Any, key: str) -> Iterator[tuple[str, str, str]]:
    """Yield settings that differ, with their old and new values.

    The order of keys counts, since scripts follow it.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            here = f"{key}.{name}" if key else str(name)
            if name not in old or name not in new:
                yield (
                    here,
                    _shown(old.get(name)) if name in old else "absent",
                    _shown(new.get(name)) if name in new else "absent",
                )
            else:
                yield from _differences(old[name], new[name], here)
        if set(old) == set(new) and list(old) != list(new):
            yield f"order of {key or 'settings'}", _shown(list(old)), _shown(list(new))
    elif json.dumps(old) != json.dumps(new):
        yield key or "settings", _shown(old), _shown(new)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def _changed_results(
    inputs: Mapping[str, str], known: Mapping[str, str], looks: Looks
) -> Iterator[tuple[str, str]]:
    """Yield inputs that other jobs made otherwise since, or that are new or gone.

    Each comes with a cause.

    Digests are those of sidecars: nothing is read.
    """
    gone = dict(known)
    for path, place in inputs.items():
        name = (
            path
            if path in gone
            else next((other for other in gone if other.endswith(f"/{place}")), None)
        )
        if name is None:
            yield path, f"'{path}' is a new input"
            continue
        digest = gone.pop(name)
        file = Path(path)
        records = (looks.record(one) for one in (file.with_suffix(".json"), Path(f"{path}.json")))
        made = next(
            (
                record["Outputs"][file.name]
                for record in records
                if file.name in record.get("Outputs", {})
            ),
            digest,
        )
        if made != digest:
            yield path, f"'{path}' was made anew"
    for path in gone:
        yield path, f"'{path}' is no input any more"


def _changed_raw(
    reads: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], looks: Looks
) -> Iterator[tuple[str, str]]:
    """Yield raw files that changed, came or went, each with a cause.

    A file in another place than it was, such as a model of the project in a new clone,
    is held against the one of its name.
    """
    now = raw_files.listed(reads)
    elsewhere = {path: known[path] for path in known if path not in now}
    for path in now:
        other = (
            path
            if path in known
            else next((one for one in elsewhere if _name(one) == _name(path)), None)
        )
        if other is None:
            yield path, f"'{path}' is new"
            continue
        elsewhere.pop(other, None)
        if not looks.is_same(path, known[other]):
            yield path, f"'{path}' changed"
    for path in elsewhere:
        yield path, f"'{path}' is not read any more"


def _name(path: str) -> tuple[str, ...]:
    """Return a file's name and its folder's."""
    return Path(path).parts[-2:]
