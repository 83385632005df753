"""What Snakemake remembers of finished jobs, taken from their sidecars.

They take the place of its own metadata.

Snakemake keeps parameters and inputs of finished jobs in the working directory
(`.snakemake/metadata`), and compares input files by time. After `make clean`, from another
directory, or when an older file was put in, it finds nothing to do. `attach` lets it ask
the sidecars instead (`engram.runs.rerun_causes`), in the main process only. This touches three
of Snakemake's internals, which tests pin: `Workflow._build_dag`, and the methods `params_changed`
and `input_changed` of its persistence.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.files.raw_files import Digests
from engram.runs import earlier_results, run_lock
from engram.runs.rerun_causes import Changes, Job, Looks, changes, sidecar
from engram.runs.use import Use

#: Folder of results, below them, where digests of large raw files are kept.
DIGESTS = ".digests"
#: Jobs that a message names.
_MOST_NAMED = 3
_GB = 1e9
#: By the workflow's `id` and the folder of results: a workflow may hold several studies.
_ATTACHED: dict[tuple[int, str], SidecarMemory] = {}


def attach(workflow: Any, use: Use, logger: Any) -> None:
    """Let Snakemake ask sidecars what was changed.

    What the plan does not have any more is moved aside.

    Call it when all rules are defined. It does nothing in the processes of jobs. Snakemake reads a
    module's files again where single rules of it are changed (`use rule ... with`): that only adds
    rules to those whose sidecars are asked.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
    use : Use
    logger : logging.Logger
        Snakemake's.
    """
    if not workflow.is_main_process:
        return
    known = _ATTACHED.get((id(workflow), use.results))
    if known:
        known.rules |= use.rules()
        return
    from snakemake.exceptions import WorkflowError

    build = workflow._build_dag
    memory = _ATTACHED[id(workflow), use.results] = SidecarMemory(workflow, use, logger)

    def build_with_sidecars() -> None:
        if memory.is_run and workflow.persistence.lock != workflow.persistence.noop:  # --nolock
            try:
                run_lock.take(use.results)
            except EngramError as error:
                raise WorkflowError(str(error)) from None
        memory.prepare()
        build()
        memory.report()
        earlier_results.set_aside(workflow, use, logger)

    workflow._build_dag = build_with_sidecars


class SidecarMemory:
    """Answers Snakemake's questions about finished jobs from sidecars.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        Its DAG and persistence are prepared.
    use : Use
    logger : logging.Logger
        Snakemake's.

    Attributes
    ----------
    rules : set of str
        Names of the rules whose jobs leave sidecars; questions about others are Snakemake's.
    """

    def __init__(self, workflow: Any, use: Use, logger: Any) -> None:
        self._workflow, self._use, self._logger = workflow, use, logger
        self.rules = use.rules()
        self._found: dict[tuple[str, ...], Changes] = {}
        self._causes: defaultdict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)

    def prepare(self) -> None:
        """Answer in the place of Snakemake's persistence from now on.

        Read what only reading can tell, and take times out of the future.
        """
        self._looks = Looks(Digests(Path(self._use.results) / DIGESTS), may_read=self.is_run)
        if self.is_run:
            for path in files_of_future(self._use.results, self._use.downloads):
                with suppress(OSError):  # removed meanwhile
                    os.utime(path)  # no time is named, since only a file's owner may do that
                    self._logger.warning(
                        f"'{path}' was of the future (is a clock wrong?): its time is set to now."
                    )
            self._read_unsure()
        persistence = self._workflow.persistence
        own = {
            name: getattr(persistence, name)
            for name in ("has_metadata", "has_outdated_metadata", "params_changed", "input_changed")
        }

        def params_changed(job: Any, file: Any = None) -> Any:
            from snakemake.persistence import NO_PARAMS_CHANGE, ParamsChange

            if not self._is_ours(job):
                return own["params_changed"](job, file=file)
            found = self._changes(job)
            if not found.before and not found.now:
                return NO_PARAMS_CHANGE
            return ParamsChange(
                only_old=set(found.before), only_new=set(found.now), files=set(job.output)
            )

        def input_changed(job: Any, file: Any = None) -> Any:
            if not self._is_ours(job):
                return own["input_changed"](job, file=file)
            changed = bool(self._changes(job).inputs)
            return changed if file is not None else ([*job.output] if changed else [])

        persistence.params_changed, persistence.input_changed = params_changed, input_changed
        persistence.has_metadata = lambda job: self._is_ours(job) or own["has_metadata"](job)
        persistence.has_outdated_metadata = lambda job: (
            not self._is_ours(job) and own["has_outdated_metadata"](job)
        )

    @property
    def is_run(self) -> bool:
        """Whether jobs will run: it is no dry-run, and results are not only touched."""
        asked = self._workflow
        return asked.executor_plugin is not None and not asked.dryrun and not asked.touch

    def report(self) -> None:
        """Say what is made anew and why, a line for each cause.

        What follows from that is not repeated.
        """
        for (rule, causes), names in sorted(self._causes.items()):
            shown = ", ".join(sorted(names)[:_MOST_NAMED]) + (
                f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            )
            self._logger.info(
                f"made anew: {rule} ({shown}): "
                f"{'; '.join(causes[:_MOST_NAMED])}{' ...' if len(causes) > _MOST_NAMED else ''}"
            )
        if self._looks.assumed:
            paths = sorted(set(self._looks.assumed))
            self._logger.info(
                f"{len(paths)} large files have the size and time that were recorded, and lie "
                f"elsewhere on the disk (a copy?), such as '{paths[0]}'. They count as unchanged "
                "here; a run looks at their content first."
            )

    def _is_ours(self, job: Any) -> bool:
        """Tell whether a job is one of Engram's that leaves a sidecar."""
        return (
            job.rule.name in self.rules
            and bool(job.output)
            and {"config", "code"} <= set(job.params.keys())
        )

    def _changes(self, job: Any) -> Changes:
        outputs = {str(path): bool(path.is_directory) for path in job.output}
        key = tuple(outputs)
        if key not in self._found:
            self._found[key] = self._compare(job, outputs)
        return self._found[key]

    def _compare(self, job: Any, outputs: dict[str, bool]) -> Changes:
        if not any(Path(path).exists() for path in outputs) and not self._was_made(job, outputs):
            return Changes()  # Snakemake sees that files are missing
        inputs = {str(path): self._place(str(path)) for path in job.input}
        planned = Job(
            outputs,
            job.params.get("config"),
            job.params.get("code"),
            inputs,
            job.params.get("reads") or {},
        )
        found = changes(planned, self._looks)
        if found:
            self._causes[job.rule.name, found.causes].append(
                ",".join(str(value) for _, value in job.wildcards.items())
                or Path(next(iter(outputs))).name
            )
        return found

    def _was_made(self, job: Any, outputs: dict[str, bool]) -> bool:
        """Tell whether outputs that are not there (temporary ones, or removed since) were made.

        Their sidecar, or those of what was made of them, say so.
        """
        if any(self._looks.record(sidecar(path, is_folder)) for path, is_folder in outputs.items()):
            return True
        dependents = (
            sidecar(str(path), bool(path.is_directory))
            for other in self._workflow.dag.depending[job]
            for path in other.output
        )
        known = {
            path
            for place in set(dependents)
            for path in self._looks.record(place).get("Inputs", {})
        }
        return any(path in known for path in outputs)

    def _place(self, path: str) -> str:
        for root in (self._use.results, self._use.downloads):
            if path.startswith(f"{root}/"):
                return path.removeprefix(f"{root}/")
        return path

    def _read_unsure(self) -> None:
        """Read, several at once, large files whose signature is not the recorded one.

        Later runs know them again.
        """
        unsure = {
            path
            for place in earlier_results.sidecars(self._use.results)
            for path in self._looks.unsure(self._looks.record(place).get("RawFiles", {}))
        }
        if not unsure:
            return
        size = sum(Path(path).stat().st_size for path in unsure)
        self._logger.info(
            f"looking at the content of {len(unsure)} raw files whose times or places changed "
            f"({size / _GB:.1f} GB; once)"
        )
        self._looks.read(sorted(unsure))


def files_of_future(results: str, downloads: str) -> Iterator[Path]:
    """Yield results, and manifests of downloads, whose time is not there yet.

    Snakemake would refuse what is made of them.
    """
    limit = time.time() + 1

    def is_of_future(path: Path) -> bool:
        try:
            return path.lstat().st_mtime > limit and os.access(path, os.W_OK)
        except OSError:
            return False  # another run removed it meanwhile

    for folder, names, files in os.walk(results):
        names[:] = [name for name in names if name != earlier_results.FOLDER]
        yield from filter(is_of_future, (Path(folder) / name for name in [*files, *names]))
    yield from filter(is_of_future, Path(downloads).glob("*/*.tsv"))
