"""The methods of a study in words, with the sources of what was used.

They are written from its configuration as it was checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from engram.report import fold_sentences, metric_methods
from engram.report.checkpoint_methods import checkpoint_methods
from engram.report.feature_methods import feature_methods
from engram.report.naming import Tables, people
from engram.report.partition_methods import partition_methods
from engram.report.sources import cited, model_citation
from engram.vocabulary import AVERAGE, WORD_RATE
from engram.wording import count, listed, null_text, origin

_ALIGNMENTS = {
    "context": (
        "only the story's own words give rows, and insertions act through the "
        "context that the model reads"
    ),
    "anchor": "the vector of a word with an insertion is the mean of its own and its insertion's",
    "anchor-additive": (
        "inserted words are rows of their own at the onset of the word before them, "
        "which changes the rate of words"
    ),
    "interpolate": (
        "inserted words are rows of their own at even distances up to the next word, "
        "which changes the rate of words"
    ),
}


def methods(
    config: Mapping[str, Any], tables: Tables, version: str
) -> tuple[dict[str, str], list[str]]:
    """Return paragraphs of methods by their headings, and the sources that they cite.

    Sources are in order of appearance.

    Parameters
    ----------
    config : mapping
        The checked configuration, with `story_names`, `scored`,
        `models_reading_associations` and `data` (a sentence about the dataset).
    tables : mapping
        Tables of the study by name.
    version : str
        Of Engram.
    """
    paragraphs = {
        "Data": _data(config, tables),
        "BOLD": _bold(config, tables),
        "Models": _models(config),
        "Feature spaces": feature_methods(config, tables),
        "Checkpoints": checkpoint_methods(tables),
        "Encoding": _encoding(config),
        "Ceilings": _ceilings(config, tables),
        "Nuisance": _nuisance(tables),
        "Variance partitioning": partition_methods(config, tables),
        "Decoding": metric_methods.decoding(config, tables),
        "Similarity": metric_methods.similarity(config, tables),
        "Associations": _associations(config, tables),
        "Tunings": _tunings(config),
        "Statistics": _statistics(config, tables),
        "Software": (
            f"Engram {version} follows the published method [@yin, @caucheteux] and is run "
            "by Snakemake [@snakemake]. Versions are listed below. Everything random is drawn "
            f"with seed {config['seed']}."
        ),
    }
    return cited({heading: text for heading, text in paragraphs.items() if text})


def _data(config: Mapping[str, Any], tables: Tables) -> str:
    in_use = tables["scans"][tables["scans"]["excluded"].isna()]
    n_listeners, stories = in_use["subject"].nunique(), config["story_names"]
    who = (
        f"{count(n_listeners, people(config))} and "
        f"{count(len(stories), 'story')} ({listed(stories)})"
    )
    described: str = config["data"].replace("{who}", who)
    return described


def _bold(config: Mapping[str, Any], tables: Tables) -> str:
    bold = config["bold"]
    came = (tables["scans"]["n_confounds"] > 0).any()
    removed = ["the confounds that come with a scan"] if bold["confounds"] and came else []
    if bold["high_pass"] is not None:
        removed.append(f"cosine drifts below {bold['high_pass']:.4g} Hz")
    cleaned = (
        f"Regressed out{' together' if len(removed) > 1 else ''}: {listed(removed)}"
        if removed
        else "Nothing was regressed out"
    )
    targets = (
        "Targets are the mean time courses of regions."
        if bold["targets"] == "roi"
        else "Every vertex, voxel, parcel or region of the data is a target."
    )
    has_average = (tables["scores"]["subject"] == AVERAGE).any()
    average = (
        " The average listener is the z-scored mean of all listeners of a story; no test "
        "includes it."
        if has_average
        else ""
    )
    trimmed = (
        f"; the first {count(bold['trim'], 'row')} of a scan were dropped" if bold["trim"] else ""
    )
    story = f"from the first word's row to {bold['tail']:g} s after the last word"
    return (
        f"{cleaned}. Time courses were cut to the story, {story}{trimmed}, and z-scored "
        f"[@nilearn]. {targets}{average}"
    )


def _models(config: Mapping[str, Any]) -> str:
    models = config["models"]
    if not models:
        return (
            f"No language model was read; the baseline {WORD_RATE} has one "
            "feature, 1 for every word."
        )
    reading = config["activations"]
    context = (
        "1,024 tokens or the model's limit"
        if reading["context"] is None
        else f"{reading['context']:,} tokens"
    )
    stride = "half of that" if reading["stride"] is None else f"{reading['stride']:,} tokens"
    windows = f"in windows of {context}, {stride} apart, each word where it has most left context"
    if reading["mode"] == "exact":
        windows = f"each word in a window of its own of up to {context}"
    if (ahead := reading["encoder_stride"] - 1) > 0:
        windows += f"; in an encoder a word knows up to {count(ahead, 'word')} after it"
    pooled = {
        "last": "that of its last sub-token",
        "mean": "the mean of its sub-tokens'",
        "sum": "the sum of its sub-tokens'",
    }[reading["pooling"]]
    layer = (
        "two thirds of each model's depth, rounded"
        if config["reported_layer"] is None
        else f"layer {config['reported_layer']}, or the last where there are fewer"
    )
    rate = (
        f" The baseline {WORD_RATE} has one feature, 1 for every word."
        if WORD_RATE in config["scored"]
        else ""
    )
    named = "; ".join(_model(name, models[name]) for name in config["scored"] if name in models)
    return (
        f"{named}. Models were read with transformers [@transformers] and PyTorch [@torch] "
        f"in {config['compute']['reading_dtype']}, {windows}. A word's vector is {pooled}, of "
        f"every layer; layer 0 is the embeddings. Where one layer is reported, it is {layer}, "
        f"fixed beforehand.{rate}"
    )


def _model(name: str, model: Mapping[str, Any]) -> str:
    source = model["source"]
    shown = _last(source) if source.startswith(("/", ".", "~")) else source
    words = [f"revision {model['revision']}"] if model["revision"] else []
    words += [f"an adapter of {model['base']}"] if model["base"] else []
    if model["layers_together"]:
        numbers = listed([str(layer) for layer in model["layers_together"]])
        words += [f"layers {numbers} side by side"]
    words += ["re-initialised weights"] if model["reinitialised"] else []
    inside = ", ".join([*([shown] if shown != name else []), *words])
    return (
        name
        + (f" ({inside})" if inside else "")
        + ("" if model["reinitialised"] else model_citation(source))
    )


def _last(path: str) -> str:
    """Return the last part of a path: the folders above it are private."""
    return PurePosixPath(path).name


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _encoding(config: Mapping[str, Any]) -> str:
    one = config["encoding"]
    rows = {
        "sum": "summed per row",
        "mean": "averaged per row",
        "lanczos": "resampled at the middle of each row by a Lanczos filter of three lobes",
    }[one["words_to_trs"]]
    delays = (
        f"one row up to {one['longest_delay']:g} s"
        if one["delays"] is None
        else f"{listed([str(delay) for delay in one['delays']])} rows"
    )
    alphas = one["alphas"]
    penalties = (
        f"{len(alphas)} values from {_plain(min(alphas))} to {_plain(max(alphas))}"
        if len(alphas) > 1
        else f"{_plain(alphas[0])} alone"
    )
    by = {"r": "the highest mean Pearson r", "mse": "the lowest mean squared error"}[
        one["alpha_by"]
    ]
    return (
        f"Word vectors were {rows} (TR), with finite impulse responses at delays of {delays}, "
        "and mapped to BOLD by ridge regression, with one decomposition for all targets "
        "[@himalaya]. "
        f"{fold_sentences.splitting(one)}{_features(one)}Each target's "
        f"penalty, of {penalties}, has "
        f"{by} over {fold_sentences.inner(one)}{_penalty(one)}.{fold_sentences.learned_from(one)} "
        f"The brain score R is Pearson's r {fold_sentences.averaging(one)}. Protocol: "
        f"{config['protocol_described']}.{_substituted(config)}"
    )


def _features(encoding: Mapping[str, Any]) -> str:
    """Return what was done to features in each fold, where it is not the usual."""
    said = ""
    if encoding["components"] is not None:
        said += (
            f"{count(encoding['components'], 'principal component')} of the training rows took "
            "the place of a layer's units. "
        )
    if encoding["trend"] == "runs":
        said += (
            "A line was taken off each feature within each contiguous run of training rows and "
            "within each held-out block. "
        )
    if encoding["scaling"] == "none":
        said += "Features were centred and not scaled. "
    return said


def _penalty(encoding: Mapping[str, Any]) -> str:
    if encoding["penalty"] == "target":
        return ""
    return " and over the group's single listeners, who share it; the average listener has its own"


def _substituted(config: Mapping[str, Any]) -> str:
    said = config["protocol_substituted"]
    return f" {said}" if said else ""


def _ceilings(config: Mapping[str, Any], tables: Tables) -> str:
    one = config["ceiling"]
    if tables["scores"]["ceiling"].isna().all():
        return "There are none: they need four listeners of a story."
    return (
        f"Split-half correlations over {count(one['halves'], 'random split')} of a story's "
        "listeners, and leave-one-out correlations, on the rows and blocks of "
        "the scores, for stories with four listeners or more. The average listener's ceiling "
        "is the square root of the Spearman-Brown reliability; a listener's "
        "is corrected for the reliability of the mean of the others. Scores are not normalised "
        f"where the ceiling is below {one['floor']:g}."
    )


def _nuisance(tables: Tables) -> str:
    if "nuisance" not in tables:
        return ""
    beyond = "; or ".join(dict.fromkeys(tables["nuisance"]["beyond"]))
    texts = ""
    if (unique := tables.get("association_unique")) is not None:
        few = count(int(unique["n_null"].min()), null_text(unique["null"]))
        texts = (
            " What associations predict beyond these features and the story alone is the score "
            "with a further band, the difference that the insertions make to the delayed "
            "features of the model, minus the score without it; all targets share the weights "
            f"of the other bands, which inner folds choose. The same is done with {few}, "
            "and the difference from these is tested over texts as F is. Nuisance features "
            f"there: {unique['beyond'].iloc[0]}."
        )
    return (
        "What a language model predicts that nuisance features do not is the score of both minus "
        "that of the nuisance features alone, by banded ridge regression with a penalty for each "
        f"band and target [@himalaya]. Nuisance features: {beyond}.{texts}"
    )


def _associations(config: Mapping[str, Any], tables: Tables) -> str:
    if not config["associations"]:
        return ""
    one, table = config["association_effect"], tables.get("association")
    authors = {} if table is None else dict(zip(table["text"], table["written_by"], strict=True))
    texts = listed(
        [
            f"{name} ({origin([authors[name]])})" if name in authors else name
            for name in config["associations"]
        ]
    )
    controls = "; ".join(
        f"{_control_counts(counts)} ({listed(names)})" if several else _control_counts(counts)
        for counts, names, several in _texts_by_controls(config)
    )
    targets = (
        "the mean time course of each region was scored"
        if one["targets"] == "roi"
        else "every target was scored"
    )
    readers = listed(config["models_reading_associations"])
    null = null_text(["random"] if table is None else table["null"])
    return (
        f"Texts with associations: {texts}; read by {readers}. "
        f"{_ALIGNMENTS[one['alignment']].capitalize()} (alignment: {one['alignment']}); "
        f"{targets}. All texts of a story were read in the "
        f"same windows, with room for insertions ({one['room']:g}). The association effect F "
        "is the score with the insertions minus that of the story alone. Controls of each text: "
        f"{controls}. F is tested over "
        f"texts: one-sided p = (1 + {null}s that reach F) / (1 + {null}s), with the mean over "
        f"listeners as the statistic. {_corrected_over_texts(config)}"
    )


def _control_counts(counts: Mapping[str, int]) -> str:
    """Return how many control texts there are, kind by kind."""
    return listed([count(number, f"{kind} text") for kind, number in counts.items() if number])


def _texts_by_controls(
    config: Mapping[str, Any],
) -> Iterator[tuple[dict[str, int], list[str], bool]]:
    """Yield each set of control texts, the texts that have it, and whether there are several.

    Those of texts that come from norms are others.
    """
    texts: dict[str, list[str]] = {}
    for name, counts in config["control_counts"].items():
        texts.setdefault(json.dumps(counts), []).append(name)
    for counts, names in texts.items():
        yield json.loads(counts), names, len(texts) > 1


def _corrected_over_texts(config: Mapping[str, Any]) -> str:
    """Return how F is corrected for many tests."""
    primary = config["primary"]
    family = (
        "regions, texts and models"
        if primary is None
        else f"the regions of {primary['text']} read by {primary['model']}, which were named "
        "beforehand; for all others over regions, texts and models"
    )
    return (
        "It is corrected by the maximum statistic [@maximum]: F of each region is standardised "
        "over all texts, its own included, and held against the largest that each null text "
        "reaches, "
        f"over {family}. Null texts are paired by number; what is detectable was simulated "
        "with their correlations [@shrinkage]."
    )


def _tunings(config: Mapping[str, Any]) -> str:
    said = [_tuning(name, one) for name, one in config["tunings"].items()]
    if not said:
        return ""
    return (
        f"{' '.join(said)} All conditions of a tuning train on the same number of output "
        "tokens per step. "
        "The tuning effect M is (R_sft − R) / R on the original stories, a ratio of "
        "means over listeners. Where there are four or more seeds of a tuning and of a control, "
        "labels are permuted (a permutation test), in all regions alike; seeds are the random "
        "factor. It is corrected over regions by the maximum statistic [@maximum]."
    )


def _tuning(name: str, one: Mapping[str, Any]) -> str:
    methods = {
        "lora": (
            f"trains low-rank adapters [@lora, @peft] of rank {one['rank']}, scale "
            f"{one['alpha']:g}, dropout {one['dropout']:g}"
        ),
        "frozen": (
            "trains the upper third of the blocks and the one below it"
            if one["train_layers"] is None
            else f"trains blocks {listed([str(block) for block in one['train_layers']])}"
        ),
        "full": "trains all weights",
    }
    steps = f"{count(one['steps'], 'step')} of {one['tokens_per_step']:,} output tokens"
    stopped = (
        f", stopped after {count(one['patience'], 'validation')} without a better loss"
        if one["patience"] is not None
        else ""
    )
    seeds = (
        f"{count(one['seeds'], 'seed')}; control tunings: {one['controls']['shuffled']} shuffled, "
        f"{one['controls']['generic']} generic"
    )
    return (
        f"{name} {methods[one['method']]}, on {_last(one['data'])}; {steps}{stopped}, "
        f"highest learning rate {one['learning_rate']:g}; {seeds}."
    )


def _statistics(config: Mapping[str, Any], tables: Tables) -> str:
    tuning = tables.get("tuning")
    tested = [
        *(
            ["R against chance (circular shifts of BOLD within stories, everything refitted)"]
            if "chance" in tables
            else []
        ),
        *(
            [
                f"R in windows of test blocks, of about {config['chance']['window']:g} s, "
                "in the same way, over windows in the place of regions"
            ]
            if "time_resolved" in tables
            else []
        ),
        *(["models and hemispheres against each other"] if "comparisons" in tables else []),
        *(["F over texts"] if config["associations"] else []),
        *(
            ["the unique contribution of associations over texts"]
            if "association_unique" in tables
            else []
        ),
        *(
            ["M over seeds"]
            if tuning is not None and tuning[["p_shuffled", "p_generic"]].notna().any(axis=None)
            else []
        ),
    ]
    scores = tables["scores"]
    if scores.loc[scores["subject"] != AVERAGE, "subject"].nunique() > 2:
        intervals = (
            "Intervals are 95 % bootstrap intervals, bias-corrected and accelerated [@bca], "
            "over listeners, by SciPy [@scipy]"
        )
    else:
        intervals = "There are no intervals: they need three listeners"
    if not tested:
        return f"{intervals}. No test was made."
    return (
        f"{intervals}. Tests: {listed(tested)}; those over texts, shifts and seeds are corrected "
        "by the maximum statistic [@maximum], those over listeners and stories by the false "
        "discovery rate within families of regions [@bh]. Tests over listeners generalise to "
        "listeners only, and no claim rests on one alone."
    )
