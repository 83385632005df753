"""Names with a meaning, shared by the plan and the jobs."""

#: Fewest listeners of a story from whom halves, and so ceilings, say anything.
FEWEST_LISTENERS = 4
#: The average listener, who appears among the subjects.
AVERAGE = "average"
#: Rows of the listeners' mean, in tables by subject group.
LISTENERS = "listeners"
#: The baseline that knows only how many words each TR holds.
WORD_RATE = "word-rate"
#: What the re-initialised twin of a model is called, behind the model's name.
REINITIALISED_SUFFIX = "-reinitialised"
#: The annotator that stands for people, and for nobody else.
PEOPLE = "manual"
#: How the annotator of associations from norms begins; the name of the table follows.
NORMS = "norms:"
#: The first two texts that a model reads of a story with associations: the story alone, as it
#: was heard, and with them.
ORIGINAL, WITH_ASSOCIATIONS = "original", "associations"
#: The control texts that are the null of F: of texts whose words are dealt, such as people's
#: responses to cues, those dealt anew; of all others random ones.
RANDOM, DEALT = "random", "dealt"
#: Control texts with people's responses to cues that are not in the story.
CUES = "cues"
#: Control texts that keep a text's associations and deal them to other places.
SHUFFLED = "shuffled"
#: The model that was tuned, among its tunings; tuning on associations, and
#: what it is compared with.
BASE, ASSOCIATION = "base", "association"
TUNING_CONTROLS = ("shuffled", "generic")
#: Names of tuned models: what they were tuned on, and the number of the seed.
TUNED_VARIANT = rf"({'|'.join([ASSOCIATION, *TUNING_CONTROLS])})-\d+"
#: What is said of a tokenizer that reads a language as bytes, in the log and on the report.
SPLITS_LETTERS = "splits letters into bytes"
#: A tuned model's card, beside its weights.
CARD = "tuning.json"
#: Longest default window of a model in tokens, as in the lineage (Caucheteux et al. 2023).
DEFAULT_CONTEXT = 1024
#: How an atlas that nilearn downloads is named, and which there are.
NILEARN_PREFIX = "nilearn:"
NILEARN_ATLASES = (
    r"harvard-oxford-(cort|sub)|aal|juelich|destrieux|schaefer-(100|200|300|400|"
    r"500|600|700|800|900|1000)"
)
#: Names a folder with copies of the public files, instead of the network.
MIRROR_VARIABLE = "ENGRAM_MIRROR"
#: Set to 1 by a run that sends jobs to a cluster, for those that stay.
REMOTE_VARIABLE = "ENGRAM_REMOTE"

#: Alignments of associations under which inserted words give rows of their own, beside the story's.
ADDITIVE = ("anchor-additive", "interpolate")


def associations_file(story: str, name: str) -> str:
    """Return the name of the file of a story's associations."""
    return f"story-{story}_associations-{name}.tsv"


#: Stories of Narratives that are versions of one stimulus: the words, or nearly all
#: of them, are the same.
_VERSIONS = ("milkyway", "notthefall", "pieman", "prettymouth")


def stimulus(story: str) -> str:
    """Return the stimulus that a story is a version of.

    Tests over stories count milkyway's versions as one, and pieman and piemanpni.
    """
    return next((name for name in _VERSIONS if story.startswith(name)), story)


#: Columns of a table of targets; places (MNI, mm) need not be there.
TARGET_COLUMNS = ("target", "hemisphere", "roi", "x", "y", "z")


def scan_name(subject: str, task: str, run: str | None = None) -> str:
    """Return a scan's name, as BIDS has it."""
    return f"sub-{subject}_task-{task}" + (f"_run-{run}" if run else "")
