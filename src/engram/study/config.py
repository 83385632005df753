"""A study's configuration, and the check before the first job.

It says what may be set, and the defaults (the method's).

The models below are the only source of defaults; ``config/README.md`` and ``config/schema.json``
are generated from them. Jobs never import this module: they receive the part of the checked
configuration that concerns them.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from engram.datasets.narratives.facts import VOLUME
from engram.datasets.repetition_time import MILLISECONDS_FROM, SHORTEST_TR
from engram.errors import EngramError
from engram.features.language_models.causality import check_told_causal
from engram.fetch import remote_code
from engram.fetch.addresses import secret_in
from engram.paths import found
from engram.vocabulary import (
    MIRROR_PREFIX,
    NARRATIVES_TR,
    NILEARN_ATLASES,
    NILEARN_PREFIX,
    ORIGINAL,
    PEOPLE,
    REINITIALISED_SUFFIX,
    WORD_RATE,
)

#: Names become parts of file names (BIDS: alphanumeric; we add the hyphen, which
#: hub models often carry).
NAME = r"[A-Za-z0-9]+(?:[-.][A-Za-z0-9]+)*"
#: Characters of a name: a file's name holds three of them, and has 255 bytes at most.
LONGEST_NAME = 60
MIRROR_VARIABLE = "ENGRAM_MIRROR"


def _check_no_float(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError(
            "a name that looks like a number with a point stands in quotes (1.10 without "
            f"them is 1.1): '{value}'"
        )
    return value


def _check_name(value: str) -> str:
    if not re.fullmatch(NAME, value):
        raise ValueError(
            "a name has letters and digits, with '-' or '.' between them (it "
            "becomes part of file names)"
        )
    if len(value) > LONGEST_NAME:
        raise ValueError(
            f"a name has {LONGEST_NAME} characters at most (it becomes part of file names); "
            f"this one has {len(value)}"
        )
    return value


Name = Annotated[str, BeforeValidator(_check_no_float), AfterValidator(_check_name)]


#: Characters of a reason: a cell of a table.
_LONGEST_REASON = 500


def _check_reason(value: str) -> str:
    if not value.strip() or value.strip() == "n/a":
        raise ValueError("a reason is needed: it is what readers of scans.tsv will see")
    if len(value) > _LONGEST_REASON:
        raise ValueError(
            f"a reason has {_LONGEST_REASON} characters at most; this one has {len(value)}"
        )
    return " ".join(value.split())


Reason = Annotated[str, AfterValidator(_check_reason)]


def _check_address(value: str) -> str:
    value = value.strip()
    if any(unicodedata.category(sign) == "Cc" for sign in value):
        raise ValueError(
            "an address or a path has no line breaks, tabs, NUL or other control characters"
        )
    if found := secret_in(value):
        raise ValueError(
            f"{_SECRET}; this one has {found}. It would be written beside the results. "
            "Give secrets by the environment (HF_TOKEN, ENGRAM_CHAT_KEY)"
        )
    return value


#: How a message begins that must not repeat the value.
_SECRET = "an address must not hold a user name, a password or a token"
#: An address, or a path; what is written beside results must hold no secret.
Address = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_check_address)]


def _check_braces(value: str) -> str:
    if strange := sorted(set(value.replace("{hemi}", "")) & set("{}<>")):
        raise ValueError(
            f"the path has '{' '.join(strange)}', which Snakemake reads as wildcards. "
            "Rename the folder, or make a link to it without them"
        )
    return value


#: A path that Snakemake sees.
Place = Annotated[Address, AfterValidator(_check_braces)]


def _check_home(value: str) -> str:
    if value.startswith("~"):
        raise ValueError(
            f"Snakemake would make a folder named '{value.split('/')[0]}'; write the whole "
            f"path: {Path(value).expanduser()}"
        )
    return value


#: A folder that Snakemake makes.
Made = Annotated[Place, AfterValidator(_check_home)]


def _check_note(value: str) -> str:
    for word in value.split():
        _check_address(word.lstrip("(<[{\"'"))
    return value


#: Text in which addresses may stand.
Note = Annotated[str, AfterValidator(_check_note)]


def _check_tr(value: float) -> float:
    if value >= MILLISECONDS_FROM:
        raise ValueError(
            f"{value:g} looks like milliseconds; seconds are needed: write {value / 1000:g}"
        )
    return value


def _types(annotation: Any) -> set[Any]:
    """Return the types that an annotation is made of."""
    inner = get_args(annotation)
    return (
        set().union(*map(_types, inner))
        if inner
        else {annotation if isinstance(annotation, type) else type(annotation)}
    )


class Section(BaseModel):
    """A part of the configuration.

    Unknown keys are errors, so that a misspelt key cannot pass in silence.
    """

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        frozen=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
    )

    @model_validator(mode="before")
    @classmethod
    def _no_truth_value_as_number(cls, values: Any) -> Any:
        """Refuse true, false, yes, no, on and off where a number is needed.

        They would be 1 and 0.
        """
        for name, field in cls.model_fields.items() if isinstance(values, dict) else ():
            value, types = values.get(name), _types(field.annotation)
            inner = (
                value
                if isinstance(value, list)
                else value.values()
                if isinstance(value, dict)
                else [value]
            )
            if (
                types & {int, float}
                and bool not in types
                and any(isinstance(one, bool) for one in inner)
            ):
                raise ValueError(
                    f"{name}: a number is needed; YAML reads yes, no, on and off as true and false"
                )
            if (
                types & {int, float}
                and str not in types
                and any(isinstance(one, str) and "_" in one for one in inner)
            ):
                raise ValueError(f"{name}: a number in plain digits is needed, without '_'")
        return values


#: Seconds: the longest TR of an fMRI study (sparse sampling takes some ten), and a day,
#: which no scan exceeds. What is above has other units, such as ms.
LONGEST_TR, _DAY = 30.0, 86_400.0
#: A repetition time in seconds.
RepetitionTime = Annotated[float, AfterValidator(_check_tr), Field(ge=SHORTEST_TR, le=LONGEST_TR)]
Seconds = Annotated[float, Field(ge=-_DAY, le=_DAY)]
#: The largest seed that NumPy's and torch's generators both take, with room for the numbers
#: that are added to it (1,000 times the seed and more).
_LARGEST_SEED = 2**31 // 1000 - 1
#: A ridge penalty. Far above, predictions are so small that their correlations are those
#: of rounding errors; far below, it is no penalty.
Penalty = Annotated[float, Field(ge=1e-10, le=1e15)]


class TableDataset(Section):
    """Your own folder of tables (docs/data.md)."""

    kind: Literal["table"]
    path: Place
    """The folder; relative paths start at the working directory."""
    tr: RepetitionTime
    """Repetition time in seconds: the time from one row of a time course to the next."""
    start: Seconds | dict[str, Seconds] = 0.0
    """Time of the first row on the story's clock, in seconds: one number, or one for each story."""
    stories: list[Name] | None = None
    """The stories to use; null: every story in the folder."""
    subjects: list[Name] | None = None
    """The listeners to use; null: every listener in the folder."""
    exclude: dict[Name, Reason] = {}
    """Listeners to leave out, each with the reason (it is written into scans.tsv)."""


class AliceDataset(Section):
    """Real fMRI of 28 people who heard chapter 1 of Alice in Wonderland.

    Published by Brennan et al. (2016) under CC BY 4.0.
    """

    kind: Literal["alice"]
    spheres: Literal["6mm", "10mm"] = "6mm"
    """Radius of the spheres over which the six regions were averaged."""
    subjects: list[Name] | None = None
    """The listeners to use; null: all."""
    exclude: dict[Name, Reason] = {"33": "constant in every column of the published file"}
    """Listeners to leave out, each with the reason (it is written into scans.tsv)."""


#: Told from beginning to end to listeners who heard nothing else in that scan: 16 tasks,
#: 15 different stories (pieman and piemanpni are two tellings of one). The versions of prettymouth
#: and milkyway, and the two stories of slumlordreach, have names of their own.
NARRATIVES_STORIES = [
    "pieman", "tunnel", "lucy", "prettymouthaffair", "prettymouthparanoia", "milkywayoriginal",
    "milkywaysynonyms", "milkywayvodka",
    "slumlord", "reach", "notthefallintact", "21styear", "piemanpni", "bronx", "black", "forgot",
    "merlin", "sherlock", "shapesphysical", "shapessocial",
]  # fmt: skip
#: The DataLad dataset with derivatives and transcripts.
NARRATIVES_SOURCE = "https://datasets.datalad.org/labs/hasson/narratives"


class NarrativesForm(Section):
    """What every dataset with the tree of Narratives can be asked for."""

    stories: list[Name]
    """The stories to use."""
    runs: Literal["mean", "first", "last"] = "mean"
    """What counts of a listener who heard a story twice: the mean of the runs that are not
    excluded, or one of them."""
    regions: Annotated[list[str], Field(min_length=1)] | None = None
    """Regions to keep: names of the atlas, or of ROI sets (resources/roi_sets.tsv); null: all."""
    subjects: list[Name] | None = None
    """The listeners to use; null: all."""
    exclude: dict[Name, Reason] = {}
    """Listeners to leave out beyond the scans that the dataset excludes
    itself, each with the reason."""


class SimulatedDataset(NarrativesForm):
    """A small Narratives, made on the spot, with known answers (docs/data.md).

    Simulated listeners hear the project's own stories.
    """

    kind: Literal["simulated"]
    stories: list[Name] = Field(["lighthouse", "market"], min_length=1)
    """Names of texts in resources/texts/stories."""
    words: int | None = Field(None, ge=50, le=100_000)
    """Words of each story, from its beginning; null: all."""
    listeners: int = Field(12, ge=1, le=999)
    """How many people listen."""
    space: Literal["fsaverage5", "fsaverage6"] = "fsaverage5"
    """The surface that the BOLD is on."""


class NarrativesDataset(NarrativesForm):
    """Narratives (Nastase et al. 2021): 345 listeners.

    Fetched by DataLad, or from a folder with the dataset's tree (docs/data.md).
    """

    kind: Literal["narratives"]
    source: Address = NARRATIVES_SOURCE
    """The DataLad dataset to fetch from: an address, or the path of a clone."""
    path: Place | None = None
    """A folder with the dataset's tree instead, whose files are used where they lie;
    null: fetch from `source`."""
    facts: Place | None = None
    """A facts table of your own (resources/narratives/make_facts.py makes one), for another dataset
    of this form; null: Narratives'."""
    tr: RepetitionTime = NARRATIVES_TR
    """Repetition time in seconds, for another dataset of this form. Sidecars and headers of scans
    that give another one stop the run."""
    stories: list[Name] = Field(NARRATIVES_STORIES, min_length=1)
    """The stories to use, by the names in resources/narratives/scans.tsv."""
    pipeline: Literal["afni-nosmooth", "afni-smooth"] = "afni-nosmooth"
    """Which of the dataset's cleaned derivatives."""
    space: Literal["fsaverage6", "fsaverage5", "MNI152NLin2009cAsym"] = "fsaverage6"
    """The surface, or the volume, that the BOLD is on. The hippocampus is in the volume alone,
    which needs an `atlas`."""
    atlas: Place | None = None
    """Instead of the dataset's Destrieux parcellation: on a surface `folder/{hemi}.mine.annot`
    (or .label.gii; lh and rh take the place of {hemi}); in the volume an image with a table
    (index, name) beside it, a mask, or `nilearn:` and one of harvard-oxford-cort,
    harvard-oxford-sub, aal, juelich, destrieux, schaefer-100 to schaefer-1000."""

    @model_validator(mode="after")
    def _atlas_fits_space(self) -> NarrativesDataset:
        if self.space == VOLUME and self.atlas is None:
            raise ValueError(
                f"space {VOLUME} needs an atlas, such as nilearn:harvard-oxford-sub (its regions "
                "Left Hippocampus and Right Hippocampus)"
            )
        if self.atlas is not None and self.atlas.startswith(NILEARN_PREFIX):
            name = self.atlas.removeprefix(NILEARN_PREFIX)
            if self.space != VOLUME:
                raise ValueError(
                    f"nilearn's atlases are volumes; for {self.space} give a file for each "
                    "hemisphere, such as atlases/{hemi}.mine.annot"
                )
            if not re.fullmatch(NILEARN_ATLASES, name):
                raise ValueError(
                    f"'{name}' is none of nilearn's atlases that can be used here: "
                    "harvard-oxford-cort, -sub, aal, juelich, destrieux, schaefer-400"
                )
        elif self.atlas is not None and self.space != VOLUME and "{hemi}" not in self.atlas:
            raise ValueError(
                "on a surface an atlas is a file for each hemisphere: write {hemi} in its "
                "path, where lh and rh stand"
            )
        return self


Dataset = Annotated[
    TableDataset | AliceDataset | SimulatedDataset | NarrativesDataset, Field(discriminator="kind")
]


class Model(Section):
    """A language model: any causal model or encoder in the Hugging Face layout."""

    source: Place
    """A hub id (`gpt2`), a folder (`models/mine`, `./mine`, `/data/mine`), or `mirror:` and a
    folder inside the mirror."""
    revision: Address | None = None
    """For hub ids: the commit, so that the same weights come back in two years; null:
    the newest at download."""
    base: Name | None = None
    """Where the source is an adapter (a LoRA tuning's folder): the name of the model of
    this study that was tuned."""
    reinitialised: bool = False
    """Keep the architecture and the tokenizer, draw the weights anew (with `seed`)."""
    trust_remote_code: bool = False
    """Run the model's own code (the `*.py` files that its `auto_map` names), which can read,
    change and send all that you can; a hub id then needs its `revision`. An adapter's base decides.
    false: a model that needs such code is refused."""
    only: Literal["hub", "mirror"] | None = None
    """`hub`: left out of runs that are given a mirror; `mirror`: left out of the others."""


class Stories(Section):
    """Stories: words, sentences and times."""

    pseudo_sentence: int = Field(15, ge=1, le=10_000)
    """Words in a pseudo-sentence, where a story has no punctuation to find sentence ends by
    (marked so in the table)."""


class Activations(Section):
    """Activations: how a model reads a story and what is kept of it."""

    mode: Literal["strided", "exact"] = "strided"
    """`strided`: overlapping windows, a word is read where it has most left context; `exact`:
    a window per word (slow)."""
    context: int | None = Field(None, ge=8, le=10_000_000)
    """Tokens in a window, special tokens included; null: 1024 or the model's
    limit, whichever is less."""
    stride: int | None = Field(None, ge=1, le=10_000_000)
    """Tokens from one window to the next: every word keeps at least `context - stride` tokens
    of left context; null: half."""
    pooling: Literal["last", "mean", "sum"] = "last"
    """How a word's sub-tokens become one vector; punctuation around a word is left out."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of the forward pass; what is stored is float32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models run; `auto`: the GPU where there is one."""
    batch_tokens: int = Field(8192, ge=64, le=100_000_000)
    """Tokens in a batch of windows, padding included."""


class Bold(Section):
    """BOLD: cleaning and choice of targets."""

    confounds: bool = True
    """Regress out the confounds that come with a scan, where there are any."""
    high_pass: float | None = Field(1 / 128, gt=0, le=10)
    """Cosine drift regressors below this frequency in Hz; null where drifts are removed already."""
    targets: Literal["all", "roi"] = "all"
    """`all`: every target by itself; `roi`: the mean time course of each region and hemisphere."""
    average: bool = True
    """Add the average listener of each story as one more listener (needs two listeners)."""


class Encoding(Section):
    """Encoding: from word vectors to predicted BOLD."""

    trim: int = Field(0, ge=0, le=100_000)
    """Rows dropped from the start of each scan."""
    tail: float = Field(8.0, ge=0, le=3600)
    """Seconds kept after the last word's offset, for the response to die away."""
    words_to_trs: Literal["sum", "mean", "lanczos"] = "sum"
    """How the vectors of the words in a TR become that row's features."""
    longest_delay: float = Field(10.0, gt=0, le=120)
    """Seconds; the FIR delays are 1, 2, ... up to this many seconds, in rows."""
    delays: Annotated[list[Annotated[int, Field(le=1000)]], Field(max_length=1000)] | None = None
    """The FIR delays in rows, instead of `longest_delay`."""
    folds: int = Field(5, ge=2, le=100)
    """Contiguous test blocks of each story."""
    inner_folds: int = Field(5, ge=2, le=100)
    """Contiguous validation blocks of each training set, which choose the penalty."""
    alphas: list[Penalty] = Field(
        [10.0**power for power in range(-1, 9)], min_length=1, max_length=255
    )
    """Ridge penalties to choose from, for each target by itself."""
    alpha_by: Literal["r", "mse"] = "r"
    """What the inner folds choose by: highest mean Pearson r, or lowest mean squared error."""
    backend: Literal["auto", "numpy", "torch", "torch_cuda"] = "auto"
    """himalaya's backend; `auto`: torch_cuda where there is a GPU, else torch."""

    @model_validator(mode="after")
    def _delays_make_sense(self) -> Encoding:
        if self.delays is not None and (
            not self.delays or sorted(set(self.delays)) != self.delays or self.delays[0] < 0
        ):
            raise ValueError("delays are rows, 0 or more, in rising order, such as [1, 2, 3, 4]")
        return self


class Ceiling(Section):
    """Ceilings: what the best possible model could reach.

    They follow from how well listeners predict each other.
    """

    halves: int = Field(100, ge=1, le=100_000)
    """Random splits of the listeners into halves."""
    floor: float = Field(0.05, ge=0, le=1)
    """Scores are not normalised (n/a) where the ceiling is below this."""


class Chance(Section):
    """R against chance (docs/methods.md).

    The reported layer is scored anew on BOLD that was shifted in time.
    """

    shifts: int = Field(199, ge=19, le=100_000)
    """Shifts; with 199 the smallest p is 0.005. They take about as long as scoring so many times
    the listeners at one layer."""
    targets: Literal["all", "roi"] = "roi"
    """`roi`: score the mean time course of each region and hemisphere; `all`: every target
    by itself, which a whole cortex makes slow."""


class Nuisance(Section):
    """Nuisance control: what models predict beyond the number, length and places of words.

    Also what associations predict beyond both (docs/methods.md).
    """

    method: Literal["none", "banded"] = "none"
    """`banded`: ridge regression with a penalty for each band of features,
    `tables/nuisance.tsv`; it takes about as long as scoring a model's layers. With associations
    also `tables/association_unique.tsv`."""
    features: Annotated[
        list[
            Literal[
                "word-rate",
                "word-length",
                "sentence-length",
                "place-in-sentence",
                "place-in-story",
                "pause",
                "log-frequency",
                "since-insertion",
            ]
        ],
        Field(min_length=1),
    ] = [
        "word-rate",
        "word-length",
        "sentence-length",
        "place-in-sentence",
        "place-in-story",
        "pause",
        "since-insertion",
    ]
    """The nuisance features. `log-frequency`: a column `log_frequency` of a folder of tables
    (docs/data.md); `since-insertion`: words since the last insertion, beside associations alone.
    Head motion is regressed out of the BOLD (`bold.confounds`)."""
    targets: Literal["all", "roi"] = "roi"
    """`roi`: score the mean time course of each region and hemisphere; `all`: every target
    by itself, which a whole cortex makes slow."""
    random_texts: int | None = Field(None, ge=0, le=10_000)
    """Random texts beside which the unique contribution of associations is set, and at most
    so many shuffled ones; each takes as long as the associations themselves. Null: all there are
    (`associating.controls`); 0: associations are left out of the nuisance control."""

    @model_validator(mode="after")
    def _stories_have_features(self) -> Nuisance:
        if self.features == ["since-insertion"]:
            raise ValueError(
                "features: a story alone has no insertions, so since-insertion needs another "
                "feature beside it, such as word-rate"
            )
        return self


class Annotator(Section):
    """A language model that writes associations (docs/annotating.md).

    It writes one after every few sentences, and sees the story up to there only.
    """

    model: Place
    """With an address the model's name there, else the folder of a causal model."""
    address: Address | None = None
    """Of an endpoint that speaks OpenAI's protocol, such as http://localhost:8000/v1; its key goes
    into the environment variable ENGRAM_CHAT_KEY."""
    granularity: Literal["word", "sentence"] = "sentence"
    """What it writes: phrases or whole sentences."""
    every: int = Field(4, ge=1, le=10_000)
    """Sentences from one place to the next."""
    temperature: float = Field(0.7, ge=0, le=100)
    """How freely it chooses its words."""
    pseudo_sentences: bool = False
    """Ask it even where the story's sentences are pseudo-sentences."""


class Associations(Section):
    """Associations that are written into the stories, under the name that the text gets."""

    annotator: Annotator | None = None
    """A language model that writes them; null: files."""
    folder: Place = "resources/associations"
    """Where `story-<story>_associations-<name>.tsv` lies for every story of the
    study (docs/annotating.md)."""


class Controls(Section):
    """How many control texts there are of each kind, for every text."""

    random: int = Field(39, ge=1, le=10_000)
    """Same places, same numbers of words, content from other stories: the null of F;
    39 can show p = 0.025."""
    shuffled: int = Field(5, ge=0, le=10_000)
    """This text's associations dealt to other places."""
    displaced: int = Field(5, ge=0, le=10_000)
    """This text's associations 20 or more words from their places."""
    repeat: int = Field(5, ge=0, le=10_000)
    """Same places and lengths, story text that was heard before."""


class Associating(Section):
    """How texts with associations are read and scored."""

    alignment: Literal["context", "anchor", "anchor-additive", "interpolate"] = "context"
    """`context`: only the story's own words give rows, insertions act through the context;
    `anchor`: the vector of a word is the mean of its own and its insertion's; `anchor-additive`:
    inserted words are rows more, at the onset of the word before them; `interpolate`: likewise,
    at even distances up to the next word. The latter two change the rate of words: see F beside
    that of random texts, and of the word rate."""
    room: float = Field(1.0, ge=0, le=100)
    """How much longer than the story a text may be within a window of the model; windows have
    so much less of the story."""
    targets: Literal["all", "roi"] = "all"
    """`roi`: score the mean time course of each region and hemisphere, much faster with its many
    texts than every target by itself."""
    models: list[Name] | None = None
    """The models that read texts with associations; null: all trained ones."""
    controls: Controls = Controls()
    """Control texts."""


class TuningControls(Section):
    """How many control tunings there are of each kind: on as many tokens, in as many steps."""

    shuffled: int = Field(4, ge=0, le=1000)
    """On outputs that were dealt to other passages."""
    generic: int = Field(4, ge=0, le=1000)
    """On the passages' own continuations, without associations."""


class Tuning(Section):
    """An instruction tuning: each of its models is tuned to associate, with control tunings.

    All are scored on the stories as they were heard.
    """

    models: list[Name] | None = None
    """The models to tune; null: all trained ones."""
    data: Place = "resources/tuning_samples/associations.jsonl"
    """Samples of instruction, input and output: JSON or JSON lines (docs/data.md)."""
    too_long: Literal["refuse", "leave out"] = "refuse"
    """What becomes of samples over `max_length`; `leave out`, for models of little context:
    of all conditions alike."""
    validation: float = Field(0.1, gt=0, lt=1)
    """Share of the samples that is held out, where the file does not say which."""
    seeds: int = Field(4, ge=1, le=1000)
    """Models tuned to associate, by seed; with four, and four controls,
    there is a test over seeds."""
    controls: TuningControls = TuningControls()
    """Control tunings."""
    method: Literal["lora", "frozen", "full"] = "lora"
    """`lora`: low-rank adapters; `frozen`: some layers train, the others stay; `full`:
    all weights, for small models."""
    rank: int = Field(8, ge=1, le=65_536)
    """Of adapters."""
    alpha: float = Field(16.0, gt=0, le=1e6)
    """Scale of adapters, times their rank."""
    dropout: float = Field(0.05, ge=0, lt=1)
    """Share of an adapter's inputs that is dropped in training."""
    target_modules: list[str] | None = None
    """Linear layers that get adapters, by name; null: peft's choice for the
    architecture, or all of attention."""
    train_layers: list[Annotated[int, Field(ge=0, le=10_000)]] | None = None
    """Blocks that `frozen` trains, from 0; null: the upper third and the one below, whose output
    is the layer at two thirds of the depth (GPT-2: 7 to 11)."""
    learning_rate: float = Field(2e-4, gt=0, le=10)
    """Highest, after the warm-up."""
    warmup: float = Field(0.05, ge=0, lt=1)
    """Share of the steps in which the rate rises; then it falls by a cosine."""
    weight_decay: float = Field(0.0, ge=0, le=10)
    """AdamW's."""
    steps: int = Field(300, ge=1, le=10_000_000)
    """Updates."""
    tokens_per_step: int = Field(1024, ge=1, le=100_000_000)
    """Output tokens that an update trains on: the same in every condition."""
    micro_tokens: int = Field(4096, ge=1, le=100_000_000)
    """Tokens, prompts included, that go through the model at once; a matter of memory."""
    max_length: int = Field(512, ge=8, le=10_000_000)
    """Longest sample in tokens, prompt included."""
    evaluate_every: int = Field(50, ge=1, le=10_000_000)
    """Steps between validations."""
    patience: int | None = Field(None, ge=1, le=10_000_000)
    """Validations without a better loss after which training ends and the best weights are kept;
    conditions then train for different numbers of steps. Null: all steps."""
    checkpoint_every: int = Field(50, ge=1, le=10_000_000)
    """Steps between checkpoints, from which a run that was stopped goes on."""
    checkpointing: bool = False
    """Compute activations again on the way back instead of keeping them: less
    memory, a third more time."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of frozen weights and of sums; `auto`: bfloat16 on a GPU."""
    template: Literal["auto", "plain"] = "auto"
    """`auto`: the model's own chat template, where it has one."""
    targets: Literal["all", "roi"] = "all"
    """`roi`: score the mean time course of each region and hemisphere, much faster with many tuned
    models than every target by itself."""
    licence: Note = ""
    """A note on the licence of data and model, for the tuned models' cards."""


class Figures(Section):
    """Figures."""

    dpi: int = Field(150, ge=50, le=1200)
    """Resolution of the PNG files; every figure is written as SVG too."""
    layer: int | None = Field(None, ge=0, le=10_000)
    """Layer to report where one is; the last one of models that are not as deep; null: two thirds
    of each model's depth. Never chosen by its own score."""


class Study(Section):
    """A study: which data, which models, how.

    Everything but `study`, `dataset` and `models` has a default.
    """

    study: Name
    """The study's name: results go to results/<study>."""
    dataset: Dataset
    """Where the stories and the BOLD come from."""
    models: dict[Name, Model] = {}
    """The language models, by the name they get in tables and figures."""
    baselines: list[Literal["word-rate", "reinitialised"]] = ["word-rate"]
    """Models to beat: the number of words in each TR, and each language
    model's re-initialised twin."""
    stories: Stories = Stories()
    """Words and sentences."""
    activations: Activations = Activations()
    """How models read."""
    bold: Bold = Bold()
    """Cleaning and targets."""
    encoding: Encoding = Encoding()
    """From words to predicted BOLD."""
    ceiling: Ceiling = Ceiling()
    """Noise ceilings."""
    chance: Chance = Chance()
    """R against chance."""
    nuisance: Nuisance = Nuisance()
    """Nuisance control."""
    associations: dict[Name, Associations] = {}
    """Texts with associations, by the names they get in tables and figures; `manual` in a name
    is for what people wrote."""
    associating: Associating = Associating()
    """Reading and scoring texts with associations."""
    tunings: dict[Name, Tuning] = {}
    """Instruction tunings, by the names they get in tables and figures."""
    figures: Figures = Figures()
    """Drawing."""
    seed: int = Field(0, ge=0, le=_LARGEST_SEED)
    """Seed of everything random."""
    mirror: Address | None = None
    """A folder with copies of the public files, instead of the network (also: the environment
    variable ENGRAM_MIRROR)."""
    pathvars: dict[Literal["results", "downloads", "logs", "benchmarks"], Made] = {}
    """Snakemake's own: where results (`results`) and downloads (`downloads`) go."""

    @model_validator(mode="after")
    def _names_are_free(self) -> Study:
        if WORD_RATE in self.models:
            raise ValueError(
                f"models: '{WORD_RATE}' is the name of a baseline; give the model another name"
            )
        if "reinitialised" in self.baselines:
            for name, model in self.models.items():
                if (
                    not (model.reinitialised or model.base)
                    and name + REINITIALISED_SUFFIX in self.models
                ):
                    raise ValueError(
                        f"models: '{name + REINITIALISED_SUFFIX}' is the name of the "
                        f"re-initialised twin of '{name}'; rename one"
                    )
        if ORIGINAL in self.associations:
            raise ValueError(
                f"associations: '{ORIGINAL}' is the name of the story as it was heard; "
                "give the text another name"
            )
        people = sorted(
            name
            for name, one in self.associations.items()
            if PEOPLE in name and one.annotator is not None
        )
        if people:
            raise ValueError(
                f"associations: {people}: '{PEOPLE}' in a name says that people wrote the text, "
                "and a model is to; give it another name"
            )
        unknown = sorted(set(self.associating.models or ()) - set(self.models))
        if unknown:
            raise ValueError(
                f"associating.models: {unknown} are no models of the study; "
                f"it has {sorted(self.models)}"
            )
        whole = sorted(
            name for name, model in self.models.items() if not (model.reinitialised or model.base)
        )
        for tuning, one in self.tunings.items():
            strange = sorted(set(one.models or ()) - set(whole))
            if strange:
                raise ValueError(
                    f"tunings.{tuning}.models: {strange} are no trained models of "
                    f"the study; it has {whole}"
                )
        for name, model in self.models.items():
            if model.base is not None and model.base not in whole:
                raise ValueError(
                    f"models.{name}.base: '{model.base}' is no trained model of "
                    f"the study; it has {whole}"
                )
            if model.base is not None and model.reinitialised:
                raise ValueError(
                    f"models.{name}: an adapter (base: {model.base}) cannot be re-initialised; "
                    "leave one of the two out"
                )
            if model.base is not None and model.trust_remote_code:
                raise ValueError(
                    f"models.{name}: an adapter has no code; write 'trust_remote_code: "
                    f"true' at models.{model.base}, whose code would run"
                )
        if "log-frequency" in self.nuisance.features and not isinstance(self.dataset, TableDataset):
            raise ValueError(
                "nuisance.features: log-frequency is a column of a folder of tables "
                f"(dataset.kind: table), and a dataset of kind {self.dataset.kind} has none; "
                "take log-frequency out"
            )
        wanted, there = self.nuisance.random_texts, self.associating.controls.random
        if wanted is not None and wanted > there:
            raise ValueError(
                f"nuisance.random_texts: {wanted} is more than the {there} random texts there "
                f"are; give {there} or fewer, or more controls"
            )
        if not self.models and WORD_RATE not in self.baselines:
            raise ValueError(f"nothing to score: give models, or baselines: [{WORD_RATE}]")
        return self

    def mirror_folder(self) -> Path | None:
        """Return the mirror that this run uses, if any."""
        value = self.mirror or os.environ.get(MIRROR_VARIABLE)
        return Path(value).expanduser() if value else None

    def language_models(self) -> dict[str, Model]:
        """Return the models of this run by name.

        Those configured, less those this run leaves out, and re-initialised twins.
        """
        kept = {
            name: model for name, model in self.models.items() if name not in self.left_out_models()
        }
        if "reinitialised" in self.baselines:
            twins = {
                name + REINITIALISED_SUFFIX: m.model_copy(update={"reinitialised": True})
                for name, m in kept.items()
                if not (m.reinitialised or m.base)
            }
            kept = {**kept, **twins}
        return kept

    def left_out_models(self) -> list[str]:
        """Return the names of the models that this run leaves out because of their `only`."""
        here = "mirror" if self.mirror_folder() else "hub"
        return [name for name, model in self.models.items() if model.only not in (None, here)]


def section_keys(section: type[BaseModel]) -> list[str]:
    """Return the keys of a section, in the order of its definition."""
    return list(section.model_fields)


def read_study(raw: dict[str, Any]) -> Study:
    """Check a raw configuration and return the study.

    Parameters
    ----------
    raw : dict
        The configuration as Snakemake merged it. Entries whose value is null are taken out
        first where a mapping of names is expected (`models`, `associations`, `tunings`),
        so that a stacked file can remove what an earlier one put in.

    Returns
    -------
    Study

    Raises
    ------
    EngramError
        Naming every offending key: its value, what is allowed, and the line to write.
    """
    raw = dict(raw)
    for key in ("models", "associations", "tunings"):
        if isinstance(raw.get(key), dict):
            raw[key] = {
                name: value for name, value in raw[key].items() if value not in (None, "null")
            }
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        lines = [_explain(dict(item)) for item in error.errors()]
        raise EngramError(
            "the configuration has " + _count(len(lines), "error") + ":\n" + "\n".join(lines)
        ) from None
    if not study.language_models() and WORD_RATE not in study.baselines:
        raise EngramError(
            "every model of the study is left out of this run by its 'only' "
            f"key: {', '.join(study.models)}."
        )
    _check_places(study)
    _check_sources(study)
    return study


_DATASETS: dict[str, type[BaseModel]] = {
    "table": TableDataset,
    "alice": AliceDataset,
    "simulated": SimulatedDataset,
    "narratives": NarrativesDataset,
}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("s" if number != 1 else "")


def _explain(error: dict[str, Any]) -> str:
    path = [str(part) for part in error["loc"]]
    kind_of_dataset = (
        path.pop(1) if path[:1] == ["dataset"] and path[1:2] and path[1] in _DATASETS else None
    )
    key = ".".join(path) or "(the whole)"
    kind, message, found = error["type"], error["msg"].removeprefix("Value error, "), error["input"]
    if kind == "extra_forbidden":
        allowed = _allowed_keys(path[:-1], kind_of_dataset)
        close = difflib.get_close_matches(path[-1], allowed, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        return f"  {key}: there is no such key.{hint} Allowed here: {', '.join(allowed)}."
    if kind == "missing":
        return (
            f"  {key}: is needed and was not given. Write, for example:\n"
            f"{_yaml_line(path, _EXAMPLES.get(key, '...'))}"
        )
    long = isinstance(found, dict) and len(str(found)) > 80
    shown = (
        ""
        if long or "://" in str(found) or message.startswith(_SECRET)
        else f" (found: {_short(found)})"
    )
    if (
        kind in ("model_type", "model_attributes_type")
        and path[:1] == ["models"]
        and len(path) == 2
    ):
        return (
            f"  {key}: a model has keys of its own (found: {found!r}). Write, "
            f"for example:\n{_yaml_line([*path, 'source'], 'gpt2')}"
        )
    if kind.startswith("union_tag"):
        return (
            f"  {key}: 'kind' says what it is: {', '.join(_DATASETS)} (found: {found!r}). Write, "
            f"for example:\n{_yaml_line(path, _EXAMPLES['dataset'])}"
        )
    # What pydantic expects of a choice is its first value; the dataset's line
    # would suggest another kind.
    expected = (
        str(error.get("ctx", {}).get("expected", "")).split(",")[0].split(" or ")[0].strip("'")
    )
    example = None if kind_of_dataset and path == ["dataset"] else _EXAMPLES.get(key, expected)
    written = f" Write, for example:\n{_yaml_line(path, str(example))}" if example else ""
    return f"  {key}: {message}{shown}.{written}"


_EXAMPLES = {
    "study": "my-study",
    "dataset": "{kind: table, path: my_data, tr: 1.5}",
    "dataset.path": "my_data",
    "dataset.tr": "1.5",
    "models": "{gpt2: {source: gpt2}}",
    "dataset.kind": "table",
    "encoding.delays": "[1, 2, 3, 4, 5]",
    "encoding.alphas": "[1, 10, 100]",
    "activations.context": "512",
}


def _short(value: Any) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:150]}... ({len(text):,} characters)"


def _yaml_line(path: list[str], value: str) -> str:
    lines = ["    " + "  " * depth + part + ":" for depth, part in enumerate(path)]
    lines[-1] += " " + value
    return "\n".join(lines)


def _allowed_keys(path: list[str], kind_of_dataset: str | None) -> list[str]:
    """Return the keys that the section at `path` knows."""
    if not path:
        return section_keys(Study)
    if path[0] == "models":
        return section_keys(Model)
    if path[0] == "dataset":
        return section_keys(_DATASETS[kind_of_dataset]) if kind_of_dataset else ["kind"]
    annotation = Study.model_fields[path[0]].annotation
    return (
        section_keys(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel)
        else []
    )


def is_folder_source(source: str) -> bool:
    """Tell whether a model's source is a folder.

    It exists, or is written as a path (a hub id has at most one slash).
    """
    return source.startswith((".", "/", "~")) or source.count("/") > 1 or Path(source).is_dir()


def source_folder(source: str) -> Path:
    """Return the folder that a model's source names."""
    return found(source)


def folder_here(study: Study, source: str) -> Path | None:
    """Return the folder that a model's source names, if it is here already.

    It is on disk, or in the mirror.
    """
    mirror = study.mirror_folder()
    if is_folder_source(source) and not source.startswith(MIRROR_PREFIX):
        folder = source_folder(source)
    elif mirror is not None:
        folder = mirror / (
            source.removeprefix(MIRROR_PREFIX)
            if source.startswith(MIRROR_PREFIX)
            else f"models/{source}"
        )
    else:
        return None
    return folder if folder.is_dir() else None


def _check_places(study: Study) -> None:
    """Refuse results and downloads in a folder of what the study reads.

    Files of both would stand beside each other.
    """
    raw: dict[str, str] = {
        f"associations.{name}.folder": one.folder for name, one in study.associations.items()
    }
    raw |= {f"models.{name}.source": one.source for name, one in study.models.items()}
    if (
        isinstance(study.dataset, TableDataset | NarrativesDataset)
        and study.dataset.path is not None
    ):
        raw["dataset.path"] = study.dataset.path
    folders = {Path(place).expanduser().resolve(): key for key, place in raw.items()}
    for name, made in study.pathvars.items():
        if key := folders.get(Path(made).resolve()):
            raise EngramError(
                f"pathvars.{name}: '{made}' is the folder that {key} names. What is made needs "
                f"a folder of its own; write {made.rstrip('/')}/{name}, say."
            )


def _check_sources(study: Study) -> None:
    """Look into model folders before the first job: what is missing there costs hours later."""
    for name, model in study.language_models().items():
        if model.source.startswith(MIRROR_PREFIX):
            mirror = study.mirror_folder()
            if mirror is None:
                raise EngramError(
                    f"models.{name}.source is '{model.source}', but no mirror is given. Name one "
                    "(mirror: /path, or the "
                    f"environment variable {MIRROR_VARIABLE}), or add 'only: mirror' to leave "
                    "the model out of runs without one."
                )
            folder = mirror / model.source.removeprefix(MIRROR_PREFIX)
            check_model_folder(
                folder,
                f"models.{name}.source",
                weights=not model.reinitialised,
                code=model.trust_remote_code,
            )
        elif model.base is not None:
            check_adapter_folder(source_folder(model.source), f"models.{name}.source")
        elif is_folder_source(model.source):
            check_model_folder(
                source_folder(model.source),
                f"models.{name}.source",
                weights=not model.reinitialised,
                code=model.trust_remote_code,
            )
        elif model.trust_remote_code and model.revision is None:
            raise EngramError(
                f"models.{name}: trust_remote_code is true, and no revision is given: "
                "its code could be another one tomorrow. "
                "Read the code, then write the commit that you read:\n"
                f"{_yaml_line(['models', name, 'revision'], '0123abc...')}"
            )
        if model.base is not None and model.base not in study.language_models():
            raise EngramError(
                f"models.{name}.base: '{model.base}' is left out of this run ('only'). "
                f"Leave '{name}' out too."
            )
    for name, one in study.associations.items():
        if one.annotator is not None and one.annotator.address is None:
            folder, key = source_folder(one.annotator.model), f"associations.{name}.annotator.model"
            check_model_folder(folder, key)
            check_told_causal(folder, key, "asked to write")


def check_adapter_folder(folder: Path, key: str) -> None:
    """Raise `EngramError` unless a folder has what an adapter needs."""
    wanted = ("adapter_config.json", "adapter_model.safetensors")
    missing = [name for name in wanted if not (folder / name).is_file()]
    if missing:
        raise EngramError(
            f"{key}: '{folder}' is no adapter: {missing} are not there. Give the folder of a LoRA "
            "tuning, or leave 'base' out."
        )


TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")


def check_model_folder(folder: Path, key: str, weights: bool = True, code: bool = False) -> None:
    """Raise `EngramError` unless a folder has what a model needs.

    That is config.json, a tokenizer and safetensors weights.

    Parameters
    ----------
    folder : Path
    key : str
        Where the folder was named, for the message.
    weights : bool
        Whether weights are needed (a re-initialised model draws its own).
    code : bool
        Whether the model's own code may run, and so must be there.
    """
    if not folder.is_dir():
        raise EngramError(
            f"{key}: there is no folder '{folder}'. Give a folder in the Hugging Face layout, "
            "or a hub id such as gpt2."
        )
    present = sorted(path.name for path in folder.iterdir())
    if "adapter_config.json" in present:
        raise EngramError(
            f"{key}: '{folder}' is an adapter, which needs the model that was tuned. "
            "Write 'base:' and the name of that model of the study."
        )
    if "config.json" not in present:
        raise EngramError(
            f"{key}: '{folder}' has no config.json, so it is no model in the Hugging Face "
            f"layout. Found: {present}."
        )
    if not any(name in present for name in TOKENIZER_FILES):
        raise EngramError(
            f"{key}: '{folder}' has no tokenizer (none of {', '.join(TOKENIZER_FILES)}). "
            "Save the model's tokenizer into "
            f"it: AutoTokenizer.from_pretrained(...).save_pretrained('{folder}')."
        )
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        encoder_decoder = content.get("is_encoder_decoder", False)
    except (ValueError, AttributeError) as error:
        raise EngramError(
            f"{key}: '{folder / 'config.json'}' is no JSON object: {error}."
        ) from None
    except RecursionError:
        raise EngramError(
            f"{key}: '{folder / 'config.json'}' is nested too deeply for a model's configuration. "
            "Fetch the model again."
        ) from None
    if encoder_decoder:
        raise EngramError(
            f"{key}: '{folder}' holds an encoder with a decoder; give a causal model or an encoder."
        )
    if code and (why := remote_code.trouble(folder)):
        raise EngramError(
            f"{key}: '{folder}' cannot run code of its own (trust_remote_code): {why}."
        )
    if weights and not any(name.endswith(".safetensors") for name in present):
        raise EngramError(
            f"{key}: '{folder}' has no *.safetensors weights (pickled weights are not loaded: "
            "they can run code). Save them "
            f"anew: model.save_pretrained('{folder}', safe_serialization=True)."
        )
