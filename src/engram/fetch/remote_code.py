"""Code that a model brings along (`auto_map` in its configuration).

It is never run, unless the study's configuration says so for this model.

Such code runs with the rights of whoever runs the workflow: it can read, change
and send what they can.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engram.errors import EngramError

logger = logging.getLogger(__name__)

#: The key of a model's entry.
KEY = "trust_remote_code"
#: Where a model names its classes.
_FILES = ("config.json", "tokenizer_config.json")
#: Where transformers copies the code to, from which Python imports it.
_COPIES = "HF_MODULES_CACHE"


def classes(folder: str | Path) -> list[str]:
    """Return the classes of its own that a model's folder names, such as ``modeling_mine.MyModel``.

    Those of another repository begin with its name.
    """
    found: list[str] = []
    for name in _FILES:
        try:
            named = (
                json.loads((Path(folder) / name).read_text(encoding="utf-8")).get("auto_map") or {}
            )
        except (OSError, ValueError, AttributeError, RecursionError):
            continue
        for one in named.values() if isinstance(named, dict) else [named]:
            found += [
                part for part in (one if isinstance(one, list) else [one]) if isinstance(part, str)
            ]
    return list(dict.fromkeys(found))


def trouble(folder: str | Path) -> str:
    """Return what keeps a model's own code from being run, or "".

    It must lie in the model's own folder.
    """
    elsewhere = [one for one in classes(folder) if "--" in one]
    if elsewhere:
        return (
            f"its code is in another repository ({elsewhere[0]}); copy these files into the "
            "model's folder, and take 'owner/name--' out of its auto_map"
        )
    missing = sorted(
        {f"{one.rsplit('.', 1)[0]}.py" for one in classes(folder)}
        - {path.name for path in Path(folder).glob("*.py")}
    )
    return f"its code is not there: {missing}" if missing else ""


def is_allowed(model: Mapping[str, Any], folder: str | Path) -> bool:
    """Tell whether a job may run a model's own code, and say so in its log where there is any.

    Parameters
    ----------
    model : mapping
        What defines the model (`engram.study.models.model_key`); for an adapter its base counts.
    folder : path
        Of the model, or of an adapter's base.
    """
    if not (model.get("base") or model).get(KEY) or not classes(folder):
        return False
    files = [
        f"{path.name} (SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]})"
        for path in sorted(Path(folder).glob("*.py"))
    ]
    logger.warning(
        "code of the model's own is run, as '%s: true' allows: %s in '%s'",
        KEY,
        ", ".join(files),
        folder,
    )
    if "transformers" not in sys.modules and _COPIES not in os.environ:
        # A place of this job alone: jobs that start together would copy over each other's files.
        os.environ[_COPIES] = tempfile.mkdtemp(prefix="engram-own-code-")
        atexit.register(shutil.rmtree, os.environ[_COPIES], ignore_errors=True)
    return True


def loading_error(
    what: str, folder: str | Path, error: Exception, allowed: bool, key: bool = True
) -> EngramError:
    """Return the error to raise where a model cannot be loaded.

    If that is for want of its own code, it says what to write and what that means.

    Parameters
    ----------
    what : str
        What cannot be done: "cannot be loaded".
    folder : path
    error : Exception
        What transformers says.
    allowed : bool
        Whether the model's own code was run.
    key : bool
        Whether the configuration has a key that allows it.
    """
    if allowed or not classes(folder):
        return EngramError(f"the model in '{folder}' {what}: {error}")
    why = (
        f"the model in '{folder}' {what}: it needs code of its own "
        f"({', '.join(classes(folder))}), which is not run unless the configuration allows it."
    )
    if not key:
        return EngramError(f"{why} Nothing allows it here; choose another model.")
    return EngramError(
        f"{why} Read that code first: it would run with your rights, and could read, "
        "change and send all that you can. If you trust it, write\n"
        f"    models:\n      <name>:\n        {KEY}: true\n(for a model of the hub with its "
        "'revision', so that the code stays the one that you read)."
    )
