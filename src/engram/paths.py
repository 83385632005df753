"""Where the project keeps the small files that it owns."""

from pathlib import Path

RESOURCES = Path(__file__).parents[2] / "resources"
ALICE_PINS = RESOURCES / "alice" / "files.tsv"
ALICE_SENTENCE_ENDS = RESOURCES / "alice" / "sentence_ends.txt"
TEXTS = RESOURCES / "texts" / "stories"
GENERATOR = RESOURCES / "models" / "generator"
TUNED_GENERATOR = RESOURCES / "models" / "generator-tuned"
NARRATIVES_FACTS = RESOURCES / "narratives" / "scans.tsv"
LITTLEPRINCE_SCANS = RESOURCES / "littleprince" / "scans.tsv"
LITTLEPRINCE_WORDS = RESOURCES / "littleprince" / "words.tsv"
LEBEL_RESPONSES = RESOURCES / "lebel" / "responses.tsv"
LEBEL_WORDS = RESOURCES / "lebel" / "words.tsv"
DESTRIEUX = RESOURCES / "narratives" / "destrieux.txt"
ROI_SETS = RESOURCES / "roi_sets.tsv"
PARTS_OF_SPEECH = RESOURCES / "english_words" / "parts_of_speech.tsv"
IRREGULAR_FORMS = RESOURCES / "english_words" / "irregular_forms.tsv"
NORMS_PINS = RESOURCES / "norms" / "files.tsv"
MINIMAL_PAIRS = RESOURCES / "minimal_pairs" / "pairs.tsv"
COMMON_WORDS = RESOURCES / "common_words.txt"
ASSOCIATIONS = RESOURCES / "associations"
TUNING_SAMPLES = RESOURCES / "tuning_samples" / "associations.jsonl"
PROMPTS = RESOURCES / "prompts"
TEMPLATES = Path(__file__).parent / "report" / "templates"


def found(path: str) -> Path:
    """Return what a path in the configuration names.

    It lies below the working directory, or else below the project.
    """
    here = Path(path).expanduser()
    there = RESOURCES.parent / here
    return there if there.exists() and not here.exists() else here
