"""Provenance: a sidecar beside each result says what made it, of what, with which versions."""

from __future__ import annotations

import datetime
import platform
import resource
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from engram.files import storage
from engram.files.checksums import PROVENANCE, checksum
from engram.jobs import gpus
from engram.paths import RESOURCES

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


def write_provenance(
    snakemake: Any,
    inputs: dict[str, str],
    raw: dict[str, dict[str, Any]],
    device: gpus.Device | None,
    seconds: float,
    warned: list[str],
) -> None:
    """Write where a job's results come from into the sidecar of each.

    Parameters
    ----------
    snakemake : snakemake.iocontainers.Snakemake
        The object that Snakemake hands to scripts.
    inputs : dict
        Checksums of inputs by path.
    raw : dict
        What is known of each raw file (`engram.files.raw_files`).
    device : Device or None
        The GPU that was taken.
    seconds : float
        How long the job took.
    warned : list of str
        Its warnings.
    """
    paths = [str(path) for path in snakemake.output]
    provenance = {
        "Rule": snakemake.rule,
        "Wildcards": dict(snakemake.wildcards.items()),
        "Config": snakemake.params.get("config"),
        "Code": snakemake.params.get("code"),
        "Revision": revision(),
        "Inputs": inputs,
        **({"RawFiles": raw} if raw else {}),
        "Versions": {"python": platform.python_version(), **_versions()},
        "Device": _device(device),
        "Seconds": round(seconds, 2),
        "Warnings": warned,
        "PeakMemoryMB": round(peak_memory() / 2**20),
        "Finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    protocol = (snakemake.params.get("config") or {}).get("protocol")
    named = {} if protocol is None else {"Protocol": protocol}
    for place in sorted({storage.sidecar(path) for path in paths}):
        outputs = {
            Path(path).name: checksum(path) for path in paths if storage.sidecar(path) == place
        }
        storage.write_json(
            place,
            {**storage.read_json(place), **named, PROVENANCE: {**provenance, "Outputs": outputs}},
        )


def revision() -> str | None:
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
    # Asked of the packages themselves where they say it: metadata are parsed whole.
    loaded = {name: sys.modules[name] for name in _PACKAGES if name in sys.modules}
    return {
        name: str(getattr(module, "__version__", None) or metadata.version(name))
        for name, module in loaded.items()
    }


def _device(taken: gpus.Device | None) -> str:
    """Return where the job ran, as torch says.

    A device that was taken and that torch cannot use is none.
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}{f' ({taken.uuid})' if taken else ''}"
    return f"cpu ({platform.machine()})"


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
