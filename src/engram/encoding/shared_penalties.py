"""One penalty for each target, shared by the listeners of a group (`encoding.penalty: listeners`).

Inner folds say how well each penalty does for each listener. The best mean over the group's single
listeners is taken. The average listener is no part of this mean, and has a penalty of its own.

Listeners may come in parts, as memory allows, and each part must be scored with the penalties of
all. So parts come twice: the first time penalties are chosen, the second time targets are scored.
Inner folds are solved in the first pass alone and outer ones in the second, so both cost what one
pass would.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engram.vocabulary import AVERAGE


def tied(subjects: Sequence[str], n_targets: int, repeats: int = 1) -> np.ndarray:
    """Return which targets of listeners share a penalty: (n_repeats * n_subjects * n_targets, ).

    Targets with the same number do: those of single listeners. The average listener's have numbers
    of their own.

    Parameters
    ----------
    subjects : sequence of str
        Listeners, whose targets stand side by side.
    n_targets : int
        Of each.
    repeats : int
        How often all of them stand side by side; nothing is shared between repeats.
    """
    own = [n_targets * (subject == AVERAGE) + np.arange(n_targets) for subject in subjects]
    return np.concatenate(
        [2 * n_targets * repeat + np.concatenate(own) for repeat in range(repeats)]
    )


class SharedPenalties:
    """The penalties of everything that is scored on a group's listeners, part by part.

    What is scored is known by its order, which is the same for each part.
    """

    def __init__(self) -> None:
        self.choosing = True
        self._sums: list[np.ndarray] = []
        self._of_part: list[np.ndarray] = []
        self._chosen: list[np.ndarray] = []
        self._next = 0

    def begin_part(self) -> None:
        """Begin with a part of the listeners, or begin it anew."""
        self._of_part, self._next = [], 0

    def end_part(self) -> None:
        """Add what a part says, once all of it was scored."""
        if not self.choosing:
            return
        if not self._sums:
            self._sums = self._of_part
        else:
            for summed, mine in zip(self._sums, self._of_part, strict=True):
                summed += mine

    def choose(self) -> None:
        """Choose penalties, once all parts have come."""
        self._chosen = [_best(one) if one.ndim == 3 else one for one in self._sums]
        self._sums, self.choosing = [], False

    def note(self, criterion: np.ndarray, everyone: bool) -> None:
        """Take note of what a part says of what is scored next.

        Parameters
        ----------
        criterion : array of shape (n_folds, n_alphas, n_tied)
            As `engram.encoding.ridge.inner_criterion` returns it.
        everyone : bool
            Whether the part is the whole group. The penalties are then kept in place of what
            chooses them, which is larger.
        """
        self._of_part.append(_best(criterion) if everyone else criterion.astype(np.float32))

    def next(self) -> np.ndarray:
        """Return the penalties of what is scored next: (n_folds, n_tied), from 0."""
        self._next += 1
        return self._chosen[self._next - 1]


def _best(criterion: np.ndarray) -> np.ndarray:
    return criterion.argmax(1).astype(np.uint8)
