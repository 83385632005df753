"""Models from the Hugging Face hub, or from a mirror, into a folder."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

from engram.errors import EngramError
from engram.fetch import remote_code
from engram.files.checksums import sha256
from engram.files.storage import atomic
from engram.vocabulary import MIRROR_VARIABLE

logger = logging.getLogger(__name__)

#: What a model needs, its chat template too, which newer ones keep in a file of its own
#: (chat_template.jinja): no pickled weights, which can run code, and no code, unless the
#: configuration allows it.
_CONFIG_FILES = ("*.json", "*.jinja", "*.txt", "*.model", "LICENSE*", "README.md")
_WEIGHTS, _CODE = ("*.safetensors",), ("*.py",)


def fetch_model(
    source: str,
    folder: Path,
    *,
    revision: str | None,
    weights: bool = True,
    mirror: str | None = None,
    code: bool = False,
) -> None:
    """Bring a model into a folder.

    Parameters
    ----------
    source : str
        A hub id.
    folder : Path
        Where it goes; what is there and complete is not fetched again.
    revision : str or None
        The commit.
    weights : bool
        Whether weights are needed.
    mirror : str, optional
        A folder that holds ``models/<source>``, which is copied; the hub is not asked then.
    code : bool
        Whether to fetch code of the model's own (`engram.fetch.remote_code`).

    Raises
    ------
    EngramError
        If the model cannot be had.
    """
    patterns = [*_CONFIG_FILES, *(_WEIGHTS if weights else ()), *(_CODE if code else ())]
    if mirror is None:
        _download(source, folder, revision, patterns)
    elif (mirrored := Path(mirror) / "models" / source).is_dir():
        _copy(mirrored, folder, patterns)
    else:
        raise EngramError(
            f"the mirror has no model '{source}': there is no folder '{mirrored}'. Copy the model "
            f"there, or run without the mirror ({MIRROR_VARIABLE}, or 'mirror:' in the "
            "configuration)."
        )
    _check_complete(source, folder, weights)
    if code and (why := remote_code.trouble(folder)):
        raise EngramError(f"'{source}' cannot run code of its own (trust_remote_code): {why}.")
    if weights and not list(folder.glob("*.safetensors")):
        raise EngramError(
            f"'{source}' has no safetensors weights at this revision; pickled weights are not "
            "loaded, since they can run code. Choose another revision."
        )


def _check_complete(source: str, folder: Path, weights: bool) -> None:
    """Raise `EngramError` if the configuration, or a shard of the weights, is absent.

    Shards are those that the weights' index names.
    """
    wanted = {"config.json"}
    for index in (
        folder.glob("*.safetensors.index.json")
        if weights and any(folder.glob("*.safetensors"))
        else ()
    ):
        wanted |= set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    missing = sorted(name for name in wanted if not (folder / name).exists())
    if missing:
        raise EngramError(
            f"'{source}' is incomplete: {missing} did not come. Run again; what is there is kept."
        )


def _copy(source: Path, folder: Path, patterns: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted({file for pattern in patterns for file in source.glob(pattern)}):
        target = folder / file.name
        if not (
            target.exists()
            and target.stat().st_size == file.stat().st_size
            and sha256(target) == sha256(file)
        ):
            logger.info("copying %s", file)
            with atomic(target) as temporary:
                shutil.copyfile(file, temporary)


def _download(source: str, folder: Path, revision: str | None, patterns: list[str]) -> None:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        # Asked first: with the hub out of reach, snapshot_download would be content with what an
        # interrupted download left.
        commit = HfApi().model_info(source, revision=revision).sha
        # Resumes by itself, and keeps what is complete.
        snapshot_download(
            source,
            revision=commit,
            local_dir=folder,
            allow_patterns=patterns,
            ignore_patterns="*/*",
        )
    except GatedRepoError as error:
        raise EngramError(
            f"'{source}' is gated: ask for access on its page of the Hugging Face hub, "
            "then make a token known here "
            "(the environment variable HF_TOKEN, or 'hf auth login')."
        ) from error
    except RevisionNotFoundError as error:
        raise EngramError(
            f"'{source}' has no revision '{revision}' on the Hugging Face hub. Look it up "
            "under 'Files', 'History'."
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise EngramError(
            f"there is no model '{source}' on the Hugging Face hub (or it is private, "
            f"and no token is known here). If a folder is meant, write it as a path: ./{source}."
        ) from error
    except Exception as error:
        # The hub's client raises the errors of its HTTP library as they come.
        raise EngramError(
            f"'{source}' could not be downloaded from the Hugging Face hub "
            f"({type(error).__name__}: {str(error)[:200]}). Check the network and run again "
            "(what is there is kept), or name a mirror that has it: ENGRAM_MIRROR=/path, "
            "or 'mirror:' in the configuration."
        ) from error
