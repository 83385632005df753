"""What every job of the workflow does around its science.

That is logging, messages, no network, and provenance.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.files import raw_files
from engram.files.checksums import check_download, checked_inputs
from engram.jobs import gpus, signs_of_life
from engram.jobs.logs import configure_logging, hidden, print_hidden
from engram.jobs.out_of_memory import ran_out
from engram.jobs.provenance import write_provenance
from engram.paths import found
from engram.vocabulary import NILEARN_PREFIX

logger = logging.getLogger("engram")


@contextmanager
def job(snakemake: Any, network: bool = False) -> Iterator[None]:
    """Run the body of a workflow script.

    Logs go to the rule's log file; an `EngramError` ends the job with its message and without
    a traceback; unless `network` is set the Hugging Face libraries are told to stay offline.
    Inputs are held against their checksums, and a GPU is taken where the rule asks for one, before
    the body. Raw files (the parameter `reads`) are recorded with their digests. When it succeeds,
    a JSON sidecar beside each output says where it came from.

    Parameters
    ----------
    snakemake : snakemake.iocontainers.Snakemake
        The object that Snakemake hands to scripts.
    network : bool
        Whether this job may open the network.
    """
    start = time.monotonic()
    if not network:
        os.environ["HF_HUB_OFFLINE"] = "1"
        # Bars of weights that are loaded would stand on the console between the lines of a run.
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    sys.excepthook = print_hidden
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as stream:
        warned = configure_logging(stream)
        logger.info(
            "rule %s, %s", snakemake.rule, dict(snakemake.wildcards.items()) or "no wildcards"
        )
        with _said_errors(snakemake.output):
            # Blocked until now, see `engram.runs.endings.hold_interrupts`.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            inputs = checked_inputs(map(str, snakemake.input))
            raw = raw_files.recorded(
                raw_files.listed(snakemake.params.get("reads")), _digests(snakemake)
            )
            device = _device_for(snakemake)
            with signs_of_life.on_the_console(
                " ".join(
                    [snakemake.rule, *(str(value) for _, value in snakemake.wildcards.items())]
                )
            ):
                yield
            raw_files.check_unchanged(raw)
            write_provenance(
                snakemake, inputs, raw, device, time.monotonic() - start, warned.messages
            )
        logger.info("done in %.1f s", time.monotonic() - start)


@contextmanager
def _said_errors(outputs: Iterable[str]) -> Iterator[None]:
    """Say in the log and on the console why a job ends: without a traceback where it is known.

    Parameters
    ----------
    outputs : iterable of str
        The job's, which take up the disk.
    """
    try:
        yield
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would only disturb the end
        logger.error("stopped by Ctrl-C")
        raise SystemExit(128 + signal.SIGINT) from None
    except EngramError as error:
        raise _ended(str(error)) from None
    except Exception as error:
        if _disk_is_full(error):
            where = ", ".join(sorted({str(Path(path).parent) for path in outputs}))
            raise _ended(
                f"the disk is full ({error}). Free some space for {where}, or put results "
                "elsewhere (pathvars). Run again: what is finished is kept."
            ) from None
        if ran_out(error):
            raise _ended(
                f"memory ran out ({type(error).__name__}: {str(error)[:200]}), "
                "and not where a smaller batch would help. Give the job more (resources: "
                "mem_mb, or a larger GPU), or run fewer jobs at once (--resources mem_mb=N).",
                exc_info=True,
            ) from None
        logger.exception("the job failed")
        raise


def _ended(why: str, exc_info: bool = False) -> SystemExit:
    """Say why a job ends; return what ends it."""
    logger.error("%s", why, exc_info=exc_info)
    print(f"engram: {hidden(why)}", file=sys.stderr)
    return SystemExit(1)


def _digests(snakemake: Any) -> raw_files.Digests:
    return raw_files.Digests((snakemake.params.get("reads") or {}).get("digests"))


def _device_for(snakemake: Any) -> gpus.Device | None:
    """Return the GPU of a job, if its rule asks for one and there is one.

    A profile may ask in Slurm's words (`gres`).
    """
    resources = snakemake.resources
    in_slurms_words = "gpu" in str(resources.get("gres", ""))
    if resources.get("gpu") is None and not in_slurms_words:
        gpus.hide()
        return None
    budget = int(in_slurms_words or resources.get("gpu"))
    return gpus.take(gpus.wanted(snakemake.params.get("config") or {}), budget)


def _disk_is_full(error: BaseException) -> bool:
    # HDF5 raises errors without a number, but with the system's words.
    return isinstance(error, OSError) and (
        error.errno in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error)
    )


def dataset_folder(snakemake: Any) -> Path:
    """Return where the raw files are.

    It is the user's own folder, or the one beside a download's manifest. Without both, paths are
    told as they are from the working directory.
    """
    folder = snakemake.params.config["folder"]
    if folder:
        return Path(folder).expanduser()
    if not snakemake.input.get("manifest"):
        return Path()
    manifest = Path(snakemake.input.manifest[0])
    check_download(manifest, manifest.parent / "dataset", _digests(snakemake).of)
    return manifest.parent / "dataset"


def atlas_file(snakemake: Any) -> str | None:
    """Return where the atlas is: the file that the user names, or the one that was downloaded.

    It is None for the dataset's own.
    """
    atlas: str | None = snakemake.params.config["dataset"].get("atlas")
    if atlas is None or not atlas.startswith(NILEARN_PREFIX):
        return atlas and str(Path(atlas).expanduser())
    return str(Path(snakemake.input.atlas[0]).with_suffix("") / "atlas.nii.gz")


def model_folder(snakemake: Any) -> Path:
    """Return where a model, or an adapter's base, is.

    It is the folder that the configuration names, or the one beside a download's manifest.
    """
    if snakemake.input.model:
        manifest = Path(snakemake.input.model[0])
        folder = manifest.with_name(manifest.name.removesuffix(".tsv"))
        check_download(manifest, folder, _digests(snakemake).of)
        return folder
    model = snakemake.params.config["model"]
    return found((model["base"] or model)["source"])


def gpu_memory() -> int | None:
    """Return the bytes of the GPU that torch would use, or None without one."""
    import torch

    return (
        int(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else None
    )


def use_threads(threads: int) -> None:
    """Let libraries of arrays use as many threads as the job was given.

    A torch that comes later reads the variables as it is imported. Here it is not: a job that
    computes without it (``compute.backend: numpy``) would wait for seconds.
    """
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
