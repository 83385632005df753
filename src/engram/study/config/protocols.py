"""Protocols by name: how a line of research predicts BOLD, as keys of `encoding`.

A protocol fills in the keys that a study does not write. docs/reference/protocols.md has the source
of each, what the source leaves open, and what is left out here because it leaks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from engram.study.config.encoding import Encoding

ProtocolName = Literal["engram", "yin2025", "caucheteux2023", "huth", "voxelwise"]

#: Keys of `encoding` that each protocol sets where they are not those of Engram.
PROTOCOLS: dict[str, dict[str, Any]] = {
    "engram": {},
    "yin2025": {},
    "caucheteux2023": {"delays": [1, 2, 3, 4, 5], "alpha_by": "mse"},
    "huth": {
        "words_to_trs": "lanczos",
        "delays": [1, 2, 3, 4],
        "alphas": [round(10 ** (1 + 2 * step / 9), 6) for step in range(10)],
        "alpha_by": "mse",
    },
    "voxelwise": {
        "words_to_trs": "lanczos",
        "delays": [1, 2, 3, 4],
        "scaling": "none",
        "alphas": [10.0**power for power in range(1, 16)],
        "alpha_by": "mse",
    },
}
#: What a protocol's steps became here, for the methods of a report.
SUBSTITUTED: dict[str, str] = {
    "engram": "",
    "yin2025": (
        "The paper states a finite impulse response, ridge regression and Pearson's r; the rest "
        "is Engram's default."
    ),
    "caucheteux2023": (
        "Penalties are chosen in inner blocks with a gap, in place of leave-one-out, whose rows "
        "share words with those beside them."
    ),
    "huth": (
        "Test blocks of every story and inner blocks, both with a gap, take the place of a "
        "held-out story and of random chunks, and features are scaled by training rows, not by "
        "story."
    ),
    "voxelwise": (
        "Test blocks of every story and inner blocks, both with a gap, take the place of held-out "
        "runs, and features are centred by training rows."
    ),
}


#: The same of protocols whose source leaves out whole stories or runs, where a study does too.
_BY_STORY: dict[str, str] = {
    "huth": (
        "Penalties are chosen across whole training stories, in place of random chunks, and "
        "features are scaled by training rows, not by story."
    ),
    "voxelwise": (
        "Stories are left out in place of runs, and features are centred by training rows."
    ),
}


def substituted(protocol: str, encoding: Encoding) -> str:
    """Return what a protocol's steps became here, for the methods of a report."""
    by_story = not isinstance(encoding.folds, int)
    return _BY_STORY.get(protocol, SUBSTITUTED[protocol]) if by_story else SUBSTITUTED[protocol]


def with_protocol(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study's configuration with the keys that its protocol fills in.

    Parameters
    ----------
    raw : mapping
        As it was written; what is wrong with it is said where it is checked.
    """
    written, preset = raw.get("encoding", {}), PROTOCOLS.get(str(raw.get("protocol")), {})
    if not preset or not isinstance(written, dict):
        return dict(raw)
    if "longest_delay" in written:  # another way to say which delays there are
        preset = {key: value for key, value in preset.items() if key != "delays"}
    return {**raw, "encoding": {**preset, **written}}


def described(protocol: str, encoding: Encoding) -> str:
    """Return a protocol's name, the keys that differ from it, and a digest of all rules.

    It is what tables name: equal digests mean that BOLD was predicted by the same rules.
    """
    rules = encoding.model_dump(mode="json")
    usual = Encoding.model_validate(PROTOCOLS[protocol]).model_dump(mode="json")
    own = [f"{key}: {_short(value)}" for key, value in rules.items() if value != usual[key]]
    digest = hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()[:8]
    return f"{protocol}{' with ' + ', '.join(own) if own else ''} (rules {digest})"


def _short(value: Any) -> str:
    """Return a value as YAML in one line; a longer list by its ends."""
    if isinstance(value, list) and len(value) > 4:
        return f"{len(value)} values from {value[0]:g} to {value[-1]:g}"
    if isinstance(value, dict):
        said = ", ".join(f"{key}: {_short(one)}" for key, one in value.items() if one is not None)
        return "{" + said + "}"
    return "null" if value is None else str(value)
