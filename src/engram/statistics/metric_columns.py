"""The metrics beside R: which columns their tables have, and what these are."""

from __future__ import annotations

from dataclasses import dataclass

from engram.statistics import columns


@dataclass(frozen=True)
class Metric:
    """How a metric beside R is tabled.

    Attributes
    ----------
    name : str
        Section of the configuration, and of its files.
    way : str
        Column of how model and brain were compared.
    value : str
        The measure that is tested.
    table, tests : str
        What the two tables are.
    way_column : str
        What the column `way` is.
    set_column, measures, ceilings, of_stories : dict
        Columns, with what they are: sets of targets, measures, ceilings, facts of a story.
    only : dict
        Columns that one way has alone.
    tested, spoken : str
        What the tested column is, and what the measure is called.
    """

    name: str
    way: str
    value: str
    table: str
    tests: str
    way_column: str
    set_column: dict[str, str]
    measures: dict[str, str]
    ceilings: dict[str, str]
    of_stories: dict[str, str]
    only: dict[str, str]
    tested: str
    spoken: str

    @property
    def columns(self) -> dict[str, str]:
        """Columns of the table by listener."""
        return {
            self.way: self.way_column,
            "model": "Model or baseline.",
            **columns.LAYER,
            **self.set_column,
            "story": "Story.",
            **columns.SUBJECT,
            **self.measures,
            **self.ceilings,
            **self.of_stories,
        }

    @property
    def test_columns(self) -> dict[str, str]:
        """Columns of the table of tests against circular shifts."""
        said, low = self.spoken, self.spoken[0].lower() + self.spoken[1:]
        return {
            self.way: self.way_column,
            "model": "Model or baseline.",
            **columns.FIXED_LAYER,
            **self.set_column,
            **columns.N_LISTENERS,
            "n_stories": "Stories, each shifted by itself.",
            self.value: self.tested,
            **columns.interval("low", "high"),
            **self.ceilings,
            "null_mean": f"{said}, mean over shifts.",
            "null_sd": "Their standard deviation.",
            "null_95": "Their 95th percentile.",
            "effect_size": f"{said} minus the mean over shifts, over their standard deviation.",
            "detectable": (
                f"Smallest {low} that would have been found with 80 % power before correction, "
                "from the spread of shifts, taken as normal."
            ),
            "detectable_corrected": "The same after correction, were it in this set alone.",
            "n_shifts": f"Shifts: `{self.name}: {{shifts: ...}}`, or all that one story allows.",
            "smallest_p": "The smallest p that so many shifts can give.",
            "p": (
                f"One-sided p: (1 + shifts whose {low} reaches this one) / (1 + shifts); n/a where "
                "a story is too short to be shifted."
            ),
            **columns.maximum("p", f"the sets of this model and {self.way}", "shifts"),
        }


_CEILING = (
    "Noise ceiling of RSA: correlation of a listener's dissimilarities with the mean of "
    "{whom}; n/a for the other metric, for 'average', and with fewer than four listeners."
)
DECODING = Metric(
    name="decoding",
    way="direction",
    value="rank",
    table=(
        "Identification of segments of a story from BOLD, by listener, layer, set of targets and "
        "story. A segment is told from others of the same held-out test block (where whole stories "
        "are left out: of the same story) that begin at least its length and the longest delay "
        "away; mean over test blocks. Ties count half."
    ),
    tests=(
        "Rank accuracy against chance at each model's reported layer, by set of targets: the mean "
        "over listeners and stories beside what it is when BOLD is shifted in time within each "
        "story, by 20 s or more and by the same distance for all listeners, and everything is "
        "fitted anew. The test generalises to other BOLD of these listeners with these stories. "
        "Corrected over the sets of a model and direction by the maximum statistic."
    ),
    way_column=(
        "'encoding': recorded BOLD against BOLD predicted from features; 'decoding': the embedding "
        "predicted from BOLD against those of the text."
    ),
    set_column={
        "set": "Set of targets: 'all', 'left', 'right', an ROI set of resources/roi_sets.tsv, or a "
        "region in its hemisphere.",
        "n_targets": "Targets in it; a region counts as one where its mean time course was taken "
        "(`decoding: {targets: roi}`).",
    },
    measures={
        "rank": "Rank accuracy: share of candidates less alike than the true segment; chance 0.5.",
        "top1": "How often the true segment is the most alike.",
        "top1_chance": "The same by guessing.",
        "top5": "How often it is among the five most alike.",
        "top5_chance": "The same by guessing; 1 where there are no more than five.",
        "pairs": "2v2: how often two segments are paired rightly, not exchanged; chance 0.5.",
    },
    ceilings={
        "ceiling": (
            "Rank accuracy by the mean BOLD of the other listeners, in the encoding direction; n/a "
            "for 'average', in the other direction, and with fewer than four listeners."
        )
    },
    of_stories={
        "n_segments": "Segments that have candidates.",
        "n_candidates": "Candidates of a segment beside itself, mean.",
    },
    only={"ceiling": "encoding"},
    tested="Rank accuracy, mean over stories, then listeners; chance 0.5.",
    spoken="Rank accuracy",
)
SIMILARITY = Metric(
    name="similarity",
    way="metric",
    value="similarity",
    table=(
        "Similarity of models with brains without fitted weights, by listener, layer, set of "
        "targets and story. RSA: pairs of segments that share neither words nor BOLD, centred "
        "within each lag, word rate taken off (for the word rate itself it is not)."
    ),
    tests=(
        "Similarity against chance at each model's reported layer, by set of targets: the mean "
        "over listeners and stories beside what it is when BOLD and text are shifted against each "
        "other within each story, by 20 s or more and by the same distance for all listeners. "
        "Segments are never dealt anew: that would find what is slow. Corrected over the sets of a "
        "model and metric by the maximum statistic."
    ),
    way_column=(
        "'rsa': dissimilarities of pairs of segments, correlated; 'encoding': BOLD predicted as "
        "the mean of other rows, weighted by how alike the text is (similarity encoding)."
    ),
    set_column={
        "set": "Set of targets: 'all', 'left', 'right', an ROI set of resources/roi_sets.tsv, or a "
        "region in its hemisphere. Sets of fewer than three targets have no RSA.",
        "n_targets": "Targets in it.",
    },
    measures={
        "similarity": "Pearson r: of dissimilarities, or of predicted and recorded BOLD (mean over "
        "test blocks and targets)."
    },
    ceilings={
        "ceiling_lower": _CEILING.format(whom="the other listeners'"),
        "ceiling_upper": _CEILING.format(whom="all listeners', this one included"),
    },
    of_stories={"n_pairs": "Pairs of segments, for RSA."},
    only={"ceiling_lower": "rsa", "ceiling_upper": "rsa", "n_pairs": "rsa"},
    tested="Mean over stories, then listeners (Pearson r).",
    spoken="Similarity",
)
#: By the section of the configuration.
METRICS = {one.name: one for one in (DECODING, SIMILARITY)}
