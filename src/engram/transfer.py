"""Test an encoder of one language's listeners on another's, over two finished studies.

`engram transfer results/littleprince-en results/littleprince-fr` fits on the first study and tests
on the second, section by section, and writes `transfer.tsv` with a JSON sidecar that explains each
column. Both studies heard the same sections (stories of the same names) in their own languages, and
have the same feature spaces, targets and rules of encoding; what differs is named, and nothing is
written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.encoding.across_languages import Side, transferred
from engram.errors import EngramError
from engram.files import storage
from engram.files.checksums import provenance
from engram.statistics.finished_study import differences, encoding_rules
from engram.statistics.transfer_table import TRANSFER, TRANSFER_COLUMNS, transfer_table
from engram.vocabulary import ORIGINAL
from engram.wording import count

NAME = "transfer"


@dataclass(frozen=True)
class _Study:
    """A finished study, by the sidecars of its scores.

    Attributes
    ----------
    folder : Path
    config : dict
        What a scoring job had: encoding, stories, subjects.
    tr : float
    models : dict
        By name, what defines each; None where nothing does.
    """

    folder: Path
    config: dict[str, Any]
    tr: float
    models: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> _Study:
        paths = sorted((folder / "scores").glob(f"*_text-{ORIGINAL}_scores.nc"))
        found = [provenance(storage.sidecar(path)) for path in paths]
        if not found or any("Config" not in one for one in found):
            raise EngramError(
                f"'{folder}' holds no scores with sidecars (scores/*_scores.nc). Name two folders "
                "of finished studies, such as results/littleprince-en."
            )
        # The group that heard most: those who missed a section are not tested.
        largest = max(found, key=lambda one: len(one["Config"]["stories"]))["Config"]
        of_group = [one for one in found if one["Config"]["stories"] == largest["stories"]]
        subjects = sorted({name for one in of_group for name in one["Config"]["subjects"]})
        models = {one["Wildcards"]["model"] for one in found}
        return cls(
            folder,
            {**largest, "subjects": subjects},
            float(storage.attributes(paths[0])["tr"]),
            {model: _defined(folder, model) for model in sorted(models)},
        )

    def side(self, model: str, targets: str, layer: int | None) -> Side:
        """Open a model's files of all sections."""
        stories = self.config["stories"]
        return Side.of_files(
            [
                self._path("activations", f"{one}_model-{model}_text-{ORIGINAL}_activations.nc")
                for one in stories
            ],
            [self._path("bold", f"{one}_bold.nc") for one in stories],
            [self._path("stories", f"{one}_words.tsv") for one in stories],
            self.config["subjects"],
            targets,
            layer,
            **self.config["encoding"],
        )

    def _path(self, folder: str, name: str) -> str:
        path = self.folder / folder / f"story-{name}"
        if not path.exists():
            raise EngramError(f"there is no '{path}'. Run the study again: what is whole stays.")
        return str(path)


def _defined(folder: Path, model: str) -> Any:
    for path in sorted((folder / "activations").glob(f"*_model-{model}_text-{ORIGINAL}_*.json")):
        return provenance(path).get("Config", {}).get("model")
    return None


def run(
    taught: Path,
    tested: Path,
    output: Path,
    models: Sequence[str] = (),
    targets: str = "roi",
    layer: int | None = None,
    shifts: int = 199,
    seed: int = 0,
) -> int:
    """Write the table of models that both studies have, say where it is, and return 0.

    Parameters
    ----------
    taught, tested : Path
        Folders of finished studies.
    output : Path
    models : sequence of str
        Those to try; none named: all that both have.
    targets : {"roi", "all"}
    layer : int, optional
        The layer to report; None: two thirds of the depth.
    shifts, seed : int
        Of the null; `seed` is that of the bootstrap too.

    Raises
    ------
    EngramError
        If the studies do not go together (`engram.encoding.across_languages.check`).
    """
    one, other = _Study.read(taught), _Study.read(tested)
    rules = [encoding_rules(study.config["encoding"], study.tr) for study in (one, other)]
    if found := [text for text in differences(*rules) if not text.startswith("folds: ")]:
        raise EngramError(
            f"the studies predicted BOLD by different rules: {'; '.join(found)}. Run one of them "
            "by the other's rules (section encoding)."
        )
    shared = [name for name in one.models if name in other.models]
    missing = [name for name in models if name not in shared]
    if missing or not shared:
        raise EngramError(
            f"{', '.join(missing) or 'no model'}: not in both studies, which have "
            f"{', '.join(one.models)} and {', '.join(other.models)}. Both need the same feature "
            "space under the same name, such as a multilingual model."
        )
    results = {}
    for model in models or shared:
        if differing := differences(one.models[model] or {}, other.models[model] or {}):
            raise EngramError(
                f"'{model}' is another model in one study than in the other: "
                f"{'; '.join(differing)}. Both need the same feature space."
            )
        sides = [study.side(model, targets, layer) for study in (one, other)]
        results[model] = transferred(sides[0], sides[1], shifts, seed, **other.config["encoding"])
    table = transfer_table(results, seed)
    storage.write_table(output / f"{NAME}.tsv", table, TRANSFER, TRANSFER_COLUMNS)
    print(f"{count(len(results), 'model')}: {output / NAME}.tsv")
    return 0
