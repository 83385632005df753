"""What is known of simulated listeners before they are made."""

from __future__ import annotations

from typing import Any

from engram.datasets.narratives.facts import TR
from engram.datasets.narratives.layout import SIMULATED_PIPELINE
from engram.datasets.narratives.plan import PlannedForm
from engram.datasets.planned import Context, Download, check_known
from engram.datasets.simulated.config import SimulatedSection
from engram.datasets.simulated.schedule import ASSOCIATED, simulated_facts
from engram.files.fingerprints import file_fingerprint, folder_fingerprint
from engram.paths import ASSOCIATIONS, GENERATOR, TEXTS, TUNED_GENERATOR
from engram.vocabulary import associations_file

MANIFEST = "<results>/simulated/manifest.tsv"


class PlannedSimulation(PlannedForm):
    """Simulated listeners, in the form of Narratives."""

    tr = TR
    pipeline = SIMULATED_PIPELINE
    is_simulated = True

    def __init__(self, dataset: SimulatedSection, context: Context) -> None:
        self._dataset = dataset
        check_known(
            "dataset.stories", dataset.stories, sorted(path.stem for path in TEXTS.glob("*.txt"))
        )
        stories = list(dict.fromkeys(dataset.stories))
        facts = simulated_facts(TEXTS, stories, dataset.n_listeners, dataset.words, context.seed)
        super().__init__(dataset, dataset.space, facts, context)

    def words_download(self, story: str) -> Download:
        """Return what simulated listeners are made from.

        Among others these are the texts and the generator, by their content.
        """
        associated = {
            one: ASSOCIATIONS / associations_file(one, ASSOCIATED) for one in self.stories
        }
        settings: dict[str, Any] = {
            "associations": {
                one: file_fingerprint(path) for one, path in associated.items() if path.exists()
            },
            "dataset": {
                "listeners": self._dataset.n_listeners,
                **{key: getattr(self._dataset, key) for key in ("space", "stories", "words")},
            },
            "generator": folder_fingerprint(GENERATOR),
            "generator_tuned": folder_fingerprint(TUNED_GENERATOR),
            "seed": self._context.seed,
            "texts": {one: file_fingerprint(TEXTS / f"{one}.txt") for one in self.stories},
        }
        return Download(MANIFEST, settings)

    def scans_download(self, story: str) -> Download:
        """Return the same."""
        return self.words_download(story)

    def sources(self) -> list[dict[str, str]]:
        """Return nothing: the listeners are made here."""
        return []


PLAN = PlannedSimulation
