"""Engram: brain scores for language models, and what association adds.

From Python: `engram.load`, `engram.brain_score` and `engram.NestedRidge` (docs/how-to/python.md).
They are those of `engram.api`, which is imported when one of them is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engram.api import BrainScores as BrainScores
    from engram.api import NestedRidge as NestedRidge
    from engram.api import Results as Results
    from engram.api import brain_score as brain_score
    from engram.api import load as load

__version__ = "0.2.0"

_OF_API = ("BrainScores", "NestedRidge", "Results", "brain_score", "load")


if not TYPE_CHECKING:  # else checkers would take any name for one that is there

    def __getattr__(name: str) -> Any:
        """Return what `engram.api` holds under a name."""
        if name not in _OF_API:
            raise AttributeError(f"module 'engram' has no attribute '{name}'")
        from engram import api

        return getattr(api, name)


def __dir__() -> list[str]:
    """Return the names that there are, those of `engram.api` too."""
    return sorted([*globals(), *_OF_API])
