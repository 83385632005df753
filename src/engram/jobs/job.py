"""What every job of the workflow does around its science.

That is logging, messages, no network, and provenance.
"""

from __future__ import annotations

import datetime
import errno
import logging
import os
import platform
import re
import resource
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from engram.errors import EngramError
from engram.files import raw_files, storage
from engram.files.checksums import PROVENANCE, check_download, checked_inputs, checksum
from engram.jobs import gpus, signs_of_life
from engram.jobs.out_of_memory import ran_out
from engram.jobs.redaction import without_key
from engram.paths import RESOURCES, found
from engram.vocabulary import NILEARN_PREFIX

logger = logging.getLogger("engram")

#: Warnings kept of a job, beside its log.
_MOST_WARNINGS = 20

#: Packages whose version can change a number.
_PACKAGES = (
    "engram",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "torch",
    "transformers",
    "tokenizers",
    "himalaya",
    "nilearn",
    "nibabel",
    "matplotlib",
)
#: Environment variables whose values nobody may read in a log or a sidecar; values that are shorter
#: are stand-ins, such as "EMPTY".
_SHORTEST_SECRET = 8
SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "ENGRAM_CHAT_KEY")


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
    sys.excepthook = _print_hidden
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as stream:
        warned = _configure_logging(stream)
        logger.info(
            "rule %s, %s", snakemake.rule, dict(snakemake.wildcards.items()) or "no wildcards"
        )
        try:
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
            _write_provenance(
                snakemake, inputs, raw, device, time.monotonic() - start, warned.messages
            )
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would only disturb the end
            logger.error("stopped by Ctrl-C")
            raise SystemExit(128 + signal.SIGINT) from None
        except EngramError as error:
            logger.error("%s", error)
            print(f"engram: {hidden(str(error))}", file=sys.stderr)
            raise SystemExit(1) from None
        except Exception as error:
            if _disk_is_full(error):
                where = ", ".join(sorted({str(Path(path).parent) for path in snakemake.output}))
                said = (
                    f"the disk is full ({error}). Free some space for {where}, or put results "
                    "elsewhere (pathvars). Run again: what is finished is kept."
                )
                logger.error("%s", said)
                print(f"engram: {said}", file=sys.stderr)
                raise SystemExit(1) from None
            if ran_out(error):
                said = (
                    f"memory ran out ({type(error).__name__}: {str(error)[:200]}), "
                    "and not where a smaller batch would help. Give the job more (resources: "
                    "mem_mb, or a larger GPU), or run fewer jobs at once (--resources mem_mb=N)."
                )
                logger.error("%s", said, exc_info=True)
                print(f"engram: {hidden(said)}", file=sys.stderr)
                raise SystemExit(1) from None
            logger.exception("the job failed")
            raise
        logger.info("done in %.1f s", time.monotonic() - start)


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

    It is the user's own folder, or the one beside a download's manifest.
    """
    folder = snakemake.params.config["folder"]
    if folder:
        return Path(folder).expanduser()
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
    """Let torch use as many threads as the job was given."""
    import torch

    torch.set_num_threads(threads)


class _Warnings(logging.Handler):
    """Keeps what this job warns of, for its sidecar: logs are deleted, results stay."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = hidden(record.getMessage())
        if record.name == "py.warnings":
            # What libraries say of their own future is for the log; what they say of
            # numbers is for readers too.
            found = re.search(r": (\w+): (.*)", message)
            if found is None or found[1] in (
                "UserWarning",
                "FutureWarning",
                "DeprecationWarning",
                "PendingDeprecationWarning",
            ):
                return
            message = f"{found[1]}: {found[2]}"
        if len(self.messages) < _MOST_WARNINGS and message not in self.messages:
            self.messages.append(message)


def _configure_logging(stream: TextIO) -> _Warnings:
    handler, warned = logging.StreamHandler(stream), _Warnings()
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logger.handlers, logger.propagate = [handler, warned], False
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").handlers = [handler, warned]
    warnings.simplefilter("once")
    return warned


class _Formatter(logging.Formatter):
    """A formatter that hides secrets, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return hidden(super().format(record))


def hidden(text: str) -> str:
    """Return a text with the values of secret environment variables hidden."""
    for name in SECRETS:
        value = os.environ.get(name, "").strip()
        if len(value) >= _SHORTEST_SECRET:
            text = "\n".join(
                without_key(line.replace(value, f"<{name}>"), value) for line in text.split("\n")
            )
    return text


def _print_hidden(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    sys.stderr.write(hidden("".join(traceback.format_exception(kind, error, trace))))


def peak_memory() -> int:
    """Return the most memory that this process has held at once, in bytes.

    Linux keeps it for each program. `getrusage`, asked elsewhere, gives a program the peak of the
    one that started it, where that is higher.
    """
    try:
        fields = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
        return int(fields["VmHWM"].split()[0]) * 1024
    except (OSError, KeyError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
            1 if sys.platform == "darwin" else 1024
        )


def _write_provenance(
    snakemake: Any,
    inputs: dict[str, str],
    raw: dict[str, dict[str, Any]],
    device: gpus.Device | None,
    seconds: float,
    warned: list[str],
) -> None:
    paths = [str(path) for path in snakemake.output]
    provenance = {
        "Rule": snakemake.rule,
        "Wildcards": dict(snakemake.wildcards.items()),
        "Config": snakemake.params.get("config"),
        "Code": snakemake.params.get("code"),
        "Revision": _revision(),
        "Inputs": inputs,
        **({"RawFiles": raw} if raw else {}),
        "Versions": {"python": platform.python_version(), **_versions()},
        "Device": _device(device),
        "Seconds": round(seconds, 2),
        "Warnings": warned,
        "PeakMemoryMB": round(peak_memory() / 2**20),
        "Finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    for place in sorted({storage.sidecar(path) for path in paths}):
        outputs = {
            Path(path).name: checksum(path) for path in paths if storage.sidecar(path) == place
        }
        storage.write_json(
            place, {**storage.read_json(place), PROVENANCE: {**provenance, "Outputs": outputs}}
        )


def _revision() -> str | None:
    """Return the project's commit, with `-dirty` where files differ from it.

    It is None outside a git checkout.
    """
    if not (RESOURCES.parent / ".git").exists():
        return None  # git would look above, and find somebody else's
    command = [
        "git",
        "-C",
        str(RESOURCES.parent),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in _PACKAGES if name in sys.modules}


def _device(taken: gpus.Device | None) -> str:
    """Return where the job ran, as torch says.

    A device that was taken and that torch cannot use is none.
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}{f' ({taken.uuid})' if taken else ''}"
    return f"cpu ({platform.machine()})"
