"""What every job of the workflow does around its science: logging, messages, no network, provenance."""

from __future__ import annotations

import datetime
import errno
import hashlib
import logging
import os
import platform
import re
import resource
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO, TypeVar

from engram import storage
from engram.errors import EngramError
from engram.names import NILEARN_PREFIX
from engram.paths import found

T = TypeVar("T")
logger = logging.getLogger("engram")

#: What stands for the digest of an input that is a folder, such as a tuned model.
_FOLDER = "folder"
#: Warnings kept of a job, beside its log.
_MOST_WARNINGS = 20

#: Packages whose version can change a number.
_PACKAGES = ("engram", "numpy", "scipy", "pandas", "xarray", "torch", "transformers", "tokenizers", "himalaya", "nilearn", "nibabel", "matplotlib")


@contextmanager
def job(snakemake: Any, network: bool = False) -> Iterator[None]:
    """Run the body of a workflow script.

    Logs go to the rule's log file; an `EngramError` ends the job with its message and without a traceback; unless
    `network` is set the Hugging Face libraries are told to stay offline. When the body succeeds, a JSON sidecar beside
    each output says where it came from.

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
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as stream:
        warned = _configure_logging(stream)
        logger.info("rule %s, %s", snakemake.rule, dict(snakemake.wildcards.items()) or "no wildcards")
        try:
            yield
        except EngramError as error:
            logger.error("%s", error)
            print(f"engram: {error}", file=sys.stderr)
            raise SystemExit(1) from None
        except Exception as error:
            if _disk_is_full(error):
                where = ", ".join(sorted({str(Path(path).parent) for path in snakemake.output}))
                said = f"the disk is full ({error}). Free some space for {where}, or put results elsewhere (pathvars). Run again: what is finished is kept."
                logger.error("%s", said)
                print(f"engram: {said}", file=sys.stderr)
                raise SystemExit(1) from None
            logger.exception("the job failed")
            raise
        _write_provenance(snakemake, time.monotonic() - start, warned.messages)
        logger.info("done in %.1f s", time.monotonic() - start)


def _disk_is_full(error: BaseException) -> bool:
    # HDF5 raises errors without a number, but with the system's words.
    return isinstance(error, OSError) and (error.errno in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error))


def progress(items: Iterable[T], description: str, unit: str, total: int | None = None) -> Iterator[T]:
    """Yield the items, with a progress bar and a rate in the rule's log."""
    from tqdm import tqdm

    streams = [handler.stream for handler in logger.handlers if isinstance(handler, logging.StreamHandler)]
    stream = streams[0] if streams else sys.stderr
    yield from tqdm(items, desc=description, unit=unit, total=total, file=stream, mininterval=2, ascii=True)


def dataset_folder(snakemake: Any) -> Path:
    """Return where the raw files are: the user's own folder, or the one beside a download's manifest."""
    folder = snakemake.params.config["folder"]
    return Path(folder).expanduser() if folder else Path(snakemake.input.manifest[0]).parent / "dataset"


def atlas_file(snakemake: Any) -> str | None:
    """Return where the atlas is: the file that the user names, or the one that was downloaded; None for the dataset's own."""
    atlas: str | None = snakemake.params.config["dataset"].get("atlas")
    if atlas is None or not atlas.startswith(NILEARN_PREFIX):
        return atlas and str(Path(atlas).expanduser())
    return str(Path(snakemake.input.atlas[0]).with_suffix("") / "atlas.nii.gz")


def model_folder(snakemake: Any) -> Path:
    """Return where a model, or an adapter's base, is: the folder that the configuration names, or the one beside a download's manifest."""
    if snakemake.input.model:
        manifest = Path(snakemake.input.model[0])
        return manifest.with_name(manifest.name.removesuffix(".tsv"))
    model = snakemake.params.config["model"]
    return found((model["base"] or model)["source"])


def gpu_memory() -> int | None:
    """Return the bytes of the GPU that torch would use, or None without one."""
    import torch

    return int(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else None


def use_threads(threads: int) -> None:
    """Let torch use as many threads as the job was given."""
    import torch

    torch.set_num_threads(threads)


class _Warnings(logging.Handler):
    """Keeps what this job warns of, for its sidecar: logs are deleted, results stay."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.name == "py.warnings":
            # What libraries say of their own future is for the log; what they say of numbers is for readers too.
            found = re.search(r": (\w+): (.*)", message)
            if found is None or found[1] in ("UserWarning", "FutureWarning", "DeprecationWarning", "PendingDeprecationWarning"):
                return
            message = f"{found[1]}: {found[2]}"
        if len(self.messages) < _MOST_WARNINGS and message not in self.messages:
            self.messages.append(message)


def _configure_logging(stream: TextIO) -> _Warnings:
    handler, warned = logging.StreamHandler(stream), _Warnings()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logger.handlers, logger.propagate = [handler, warned], False
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").handlers = [handler, warned]
    warnings.simplefilter("once")
    return warned


def _write_provenance(snakemake: Any, seconds: float, warned: list[str]) -> None:
    provenance = {
        "Rule": snakemake.rule,
        "Wildcards": dict(snakemake.wildcards.items()),
        "Config": snakemake.params.get("config"),
        "Code": snakemake.params.get("code"),
        "Inputs": {path: sha256(path) if Path(path).is_file() else _FOLDER for path in sorted(set(map(str, snakemake.input))) if Path(path).exists()},
        "Versions": {"python": platform.python_version(), **_versions()},
        "Device": _device(),
        "Seconds": round(seconds, 2),
        "Warnings": warned,
        "PeakMemoryMB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "Finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    for path in sorted({storage.sidecar(path) for path in map(str, snakemake.output)}):
        storage.write_json(path, {**storage.read_json(path), "Provenance": provenance})


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in _PACKAGES if name in sys.modules}


def _device() -> str:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"cpu ({platform.machine()})"


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
