"""docs/benchmarks.md, from the figures under benchmarks/."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import matplotlib
import pandas as pd
import yaml
from matplotlib.figure import Figure

from engram.figures import panels as parts
from engram.figures import style
from engram.study.config.read import read_study
from engram.study.needs import need
from engram.study.plan import make_plan
from engram.study.stages.preflight import all_jobs
from engram.vocabulary import MIRROR_VARIABLE

INTRODUCTION = """# Benchmarks

Written by `make bench` (and `make bench-gpu`) from the files in benchmarks/; nothing here was typed in. Contenders run in turn on identical
data in one process, after a round that does not count; seconds are medians, with the lowest and highest; ratios are medians of each round's
ratio to Engram. Where a slow contender did a part of the work (listeners and words are alike), its time is scaled to all of it and the part
is given.
"""  # noqa: E501


OWED = """## Owed on a GPU

No machine with a GPU was at hand: all figures above are of CPUs. Not measured yet (`make bench-gpu` measures the first three):

- `backends.arrays("torch_cuda")`, decompositions included: scores equal to the CPU's within 1e-3, changes of penalty counted.
- Encoding of the size of `pieman` (46 listeners x 81,924 targets x 281 TRs, 4,096 units x 6 delays): seconds, share of the device's peak.
- Reading in the shape of LLaMA 7B in bfloat16: tokens a second, share of the peak.
- LoRA of such a model: seconds a step, memory beside the plan.
- Memory that runs out on a device: batches are halved, and scores stay.
- Several jobs on one device, kept apart by locks.
- A whole study of `pieman` with a model of GPT-2's shape: cost by stage.
"""  # noqa: E501


def write(folder: Path, target: Path) -> None:
    """Write the page from all files of figures in a folder."""
    parts = [INTRODUCTION]
    for path in sorted(folder.glob("20*.json")):
        parts += _machine(
            path.stem, json.loads(path.read_text(encoding="utf-8")), target.with_suffix("")
        )
    for path in sorted(folder.glob("full-size-*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        shape = ", ".join(f"{value} {name}" for name, value in found["shape"].items())
        parts.append(
            f"## A job of full size ({path.stem.removeprefix('full-size-')})\n\n{shape}: "
            f"{found['seconds_per_layer']} s a layer, {found['peak_gb']} GB at the peak"
            f"{_share_of_peak(found)} (`python benchmarks/full_size.py`).\n"
        )
    published = folder.parent / "published"
    if (published / "alice-features" / "jobs.tsv").is_file():
        parts += [_spaces(_jobs(published / "alice-features")), _planned_heads(), _planned_paper()]
        parts.append(_nulls(published / "alice-features", published / "alice-tunings"))
    for path in sorted(folder.glob("whole-runs-*.json")):
        parts.append(_whole_runs(path, json.loads(path.read_text(encoding="utf-8"))))
    for path in sorted(folder.glob("planning-*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        keys = ("jobs", "cpu_seconds", "peak_mb")
        parts += [
            f"## Planning large studies ({path.stem.removeprefix('planning-')})\n\nA dry-run, from "
            "its start to its table of jobs (`python benchmarks/planning.py`).\n",
            _table(
                ["study", "jobs", "seconds of the processor", "peak, MB"],
                [[name, *(one[key] for key in keys)] for name, one in found["studies"].items()],
            ),
        ]
    for path in sorted(folder.glob("volume-study-*.json")):
        parts.append(_volumes(path, json.loads(path.read_text(encoding="utf-8"))))
    parts.append(OWED)
    target.write_text("\n".join(parts), encoding="utf-8")


#: The model in the name of a job.
_MODEL = r"model-([A-Za-z0-9.-]+?)(?:_|$)"


def _jobs(study: Path) -> pd.DataFrame:
    """Return what Snakemake recorded of a published study's jobs."""
    return pd.read_csv(study / "jobs.tsv", sep="\t", na_values=["n/a", "-"])


def _share_of_peak(found: dict[str, Any]) -> str:
    """Return what a job of full size makes of its machine; older ones did not measure it."""
    if "share_of_peak" not in found:
        return ""
    return (
        f". Products with targets that no scheme spares are {found['share_of_peak']:.0%} of what "
        f"the machine's products of large matrices do in that time "
        f"({found['peak_gflops']:.0f} GFLOP/s, measured before and after)"
    )


def _whole_runs(path: Path, found: dict[str, Any]) -> str:
    """Return what whole studies took, at an earlier commit and at the one they ran at."""
    rows = []
    for one in found["cases"].values():
        if not {"before", "now"} <= one.keys():
            continue
        before, now = one["before"], one["now"]
        counts = f" ({before['tests']:,} and {now['tests']:,})" if "tests" in now else ""
        ratio = before["cpu_seconds"] / now["cpu_seconds"]
        rows.append(
            [
                one["said"] + counts,
                *(f"{taken['seconds']} ({taken['cpu_seconds']})" for taken in (before, now)),
                f"{ratio:.2f}",
                one["load"],
            ]
        )
    columns = ["study", f"at {found['before']}", "now", "before / now", "load of the machine"]
    return (
        f"## Whole studies ({path.stem.removeprefix('whole-runs-')})\n\nFrom nothing to the "
        f"report, {found['environment']['machine']}: seconds on the clock, and in brackets "
        "those of processors, which the ratio is of (`python benchmarks/whole_runs.py`). Other "
        "programs ran too where the load is above the number of cores.\n\n"
        f"{_table(columns, rows)}\n"
    )


def _volumes(path: Path, found: dict[str, Any]) -> str:
    """Return what a study of volumes of real size took, beside what was planned for it."""
    shape = found["shape"]
    rows = [
        [
            said,
            one["cpu_seconds"],
            round(one["cpu_seconds"] / shape["listeners"], 1),
            one["planned_gb"],
            one["peak_gb"],
        ]
        for rule, said in (("bold", "read and cleaned"), ("encoding", "scored"))
        for one in [found[rule]]
    ]
    columns = ["stage", "seconds of the processor", "a listener", "planned, GB", "peak, GB"]
    return (
        f"## A study of volumes ({path.stem.removeprefix('volume-study-')})\n\n"
        f"fMRIPrep's outputs (made data), {shape['listeners']} listeners x {shape['voxels']:,} "
        f"voxels x {shape['trs']} TRs with confounds and masks, {shape['units']} units x the "
        "delays, 10 penalties, 5 x 5 folds: two jobs of the workflow, with their start, on two "
        f"cores that other programs shared (load {found['load']}), so that all seconds are longer "
        "than on a quiet machine (`python benchmarks/volume_study.py`).\n\n"
        f"{_table(columns, rows)}\n"
    )


#: What is done with a space of features, by the rules that do it.
_STEPS = {
    "made or read": ("activations", "feature_space"),
    "R": ("encoding",),
    "chance": ("chance",),
    "identification": ("decoding",),
    "RSA": ("similarity",),
    "its own tests": ("deals", "deal_scores", "head_scores"),
}


def _spaces(jobs: pd.DataFrame) -> str:
    """Return what each space of published/alice-features took, by the records of its jobs."""
    name = jobs["job"].str.extract(_MODEL)[0]
    rows = []
    for space, mine in jobs.groupby(name):
        taken = [mine[mine["rule"].isin(rules)]["cpu_seconds"].sum() for rules in _STEPS.values()]
        numbers = [f"{seconds:.1f}" if seconds else "" for seconds in (*taken, sum(taken))]
        rows.append((space, *numbers, f"{mine['megabytes'].max():.0f}"))
    table = _table(["space", *_STEPS, "all", "MB"], rows)
    return (
        "## Spaces of features on Alice\n\nSeconds of processors that the jobs of each space took, "
        "each with its start, and their memory at the peak, as Snakemake recorded them while "
        "other programs ran (published/alice-features/jobs.tsv). All "
        f"{len(jobs)} jobs of the study took {jobs['cpu_seconds'].sum():.0f} s of processors.\n\n"
        f"{table}\n"
    )


def _nulls(features: Path, tuned: Path) -> str:
    """Return what nulls and controls of two published studies of one model took, beside its R."""
    scores = pd.read_csv(features / "tables" / "scores.tsv", sep="\t")
    model, layers = scores.loc[scores["layer"].idxmax(), ["model", "layer"]]
    rows = []
    for study in (features, tuned):
        jobs = _jobs(study)
        name = jobs["job"].str.extract(_MODEL)[0]
        jobs = jobs[name.isna() | (name == model)]
        spent = jobs.groupby("rule")["cpu_seconds"].agg(["sum", "size"])
        r = spent["sum"]["encoding"]
        what = {"encoding": f"R of {layers + 1} layers"} | {
            rule: f"{name}, {_shifts(study, table)}"
            for rule, (name, table) in _SHIFTED.items()
            if rule in spent.index
        }
        if "partition" in spent.index:
            parted = pd.read_csv(study / "tables" / "partitions.tsv", sep="\t")
            full = parted.loc[parted["kind"] == "all", "part"].iloc[0].split("+")
            what["partition"] = f"partition of {len(full)} groups of features"
        if "tuning_scores" in spent.index:
            models = pd.read_csv(study / "tables" / "tuning_models.tsv", sep="\t")
            models = models[["model", "tuning", "condition", "seed"]].drop_duplicates()
            what["tuning_scores"] = f"R of {len(models)} tunings and controls"
        costs = [(said, spent["sum"][rule]) for rule, said in what.items()]
        tunings = jobs[jobs["rule"] == "tune"]
        for name, made in tunings.groupby(tunings["job"].str.split("_").str[0]):
            costs.append((f"{len(made)} models tuned: {name}", made["cpu_seconds"].sum()))
        rows += [(study.name, said, f"{cost:.1f}", f"{cost / r:.2f}") for said, cost in costs]
    table = _table(["study", "what", "seconds of the processor", "times R"], rows)
    return (
        f"## What nulls and controls cost beside R\n\n{model} on Alice (27 listeners, six "
        "regions). Each job with its start, as Snakemake recorded it while other programs ran "
        "(published/*/jobs.tsv). Nulls are of the reported layer alone. What control texts cost "
        f"stands under *A text and controls* above.\n\n{table}\n"
    )


#: By rule: what is scored on shifted BOLD, and the table that says how often.
_SHIFTED = {
    "chance": ("R against chance", "chance"),
    "decoding": ("identification", "decoding_tests"),
    "similarity": ("RSA", "similarity_tests"),
}


def _shifts(study: Path, table: str) -> str:
    tested = pd.read_csv(study / "tables" / f"{table}.tsv", sep="\t")
    return f"{int(tested['n_shifts'].max())} circular shifts"


def _planned_heads() -> str:
    """Return what a workflow plans for the attention heads of a model of LLaMA-2 7B's shape."""
    rows = []
    # The shape is known by the model's name, and a mirror need not have the model.
    with patch.dict(os.environ):
        os.environ.pop(MIRROR_VARIABLE, None)
        for dtype in ("float32", "bfloat16"):
            study = read_study(
                {
                    "study": "planned",
                    "dataset": {"kind": "alice"},
                    "models": {"llama": {"source": "meta-llama/Llama-2-7b-hf"}},
                    "features": {"heads": {"kind": "heads", "of": "llama", "layers": "all"}},
                    "compute": {"reading_dtype": dtype},
                }
            )
            plan = make_plan(study)
            read = need(study, plan, "feature_space", {"story": "alice", "model": "heads"})
            scored = need(study, plan, "head_scores", {"group": "alice", "model": "heads"})
            needs = (read.memory, read.gpu, scored.memory)
            rows.append((dtype, *(f"{bytes_ / 1e9:.1f}" for bytes_ in needs)))
    table = _table(
        ["weights", "reading, GB", "reading on a GPU, GB of it", "scores, GB"],
        rows,
    )
    return (
        "## Attention heads of a model of 7 billion parameters\n\nPlanned and not measured: what "
        "the workflow asks for to read Alice with LLaMA-2 7B's shape and to score the heads of all "
        f"layers.\n\n{table}\n"
    )


def _planned_paper() -> str:
    """Return what a workflow plans for the paper's data and models, at every vertex and in ROIs."""
    file = Path(__file__).parents[1] / "config" / "narratives.yaml"
    hours: dict[tuple[str, str], dict[str, float]] = {}
    numbers: dict[tuple[str, str], int] = {}
    # Models are known by their names: they need not be here.
    with patch.dict(os.environ):
        os.environ.pop(MIRROR_VARIABLE, None)
        for targets in ("all", "roi"):
            given = yaml.safe_load(file.read_text(encoding="utf-8"))
            given["bold"]["targets"] = targets
            study = read_study(given)
            plan = make_plan(study)
            for rule, jobs in all_jobs(study, plan).items():
                for wildcards in jobs:
                    of = wildcards.get("model", "") if rule in _BY_MODEL else ""
                    spent = hours.setdefault((rule, of), dict.fromkeys(("all", "roi"), 0.0))
                    spent[targets] += need(study, plan, rule, wildcards).seconds / 3600
                    numbers[rule, of] = numbers.get((rule, of), 0) + 1
    rows = [
        (f"{rule} ({of})" if of else rule, numbers[rule, of] // 2, *_hours(spent))
        for (rule, of), spent in hours.items()
    ]
    together = {key: sum(spent[key] for spent in hours.values()) for key in ("all", "roi")}
    rows.append(("all", sum(numbers.values()) // 2, *_hours(together)))
    return (
        "## The paper's data and models\n\nPlanned and not measured: config/narratives.yaml, on "
        "two cores without a GPU, one job after the other, by what jobs of full size took "
        f"(`engram.study.needs`).\n\n{_table(['jobs', 'number', *_TARGETS], rows)}\n"
    )


#: Rules whose time depends on the model above all.
_BY_MODEL = ("activations", "encoding", "chance")
_TARGETS = ("hours, every vertex", "hours, `bold.targets: roi`")


def _hours(spent: dict[str, float]) -> list[str]:
    return [f"{spent[key]:.1f}" for key in ("all", "roi")]


def _machine(name: str, found: dict[str, Any], drawings: Path) -> list[str]:
    where = found["environment"]
    versions = ", ".join(f"{package} {version}" for package, version in where["versions"].items())
    parts = [
        (
            f"## {name}\n\n{where['machine']}, {where['threads']} threads, device "
            f"{where['device']}. {versions}.\n"
        )
    ]
    if "encoding" in found:
        parts += _encoding(found["encoding"])
    if "earlier" in found:
        parts += _earlier(found["earlier"])
    if "scaling" in found:
        rows = [
            [row[key] for key in ("varied", "value", "form", "seconds", "of bare")]
            for row in found["scaling"]
        ]
        parts.append(
            "### Scaling\n\nSeconds of scoring along one dimension after the other (layers: "
            "a job from its files to its result; context: of reading), and the share of them "
            "that the bare matrix products or forward passes take by themselves.\n"
        )
        parts.append(
            f"![{_draw_scaling(found['scaling'], drawings / f'{name}-scaling.svg')}]("
            f"{drawings.name}/{name}-scaling.svg)\n"
        )
        parts.append(_table(["varied", "value", "form", "seconds", "bare / Engram"], rows))
    for one in found.get("activations", []):
        parts += _activations(one)
    if "memory" in found:
        parts.append("### Memory, predicted and measured\n")
        keys = ("stage", "shape", "predicted_gb", "measured_gb", "ratio")
        parts.append(
            _table(
                ["stage", "shape", "predicted, GB", "measured, GB", "ratio"],
                [[row[key] for key in keys] for row in found["memory"]],
            )
        )
    if "workflow" in found:
        parts.append(
            "### The workflow's fixed costs\n\nA job's imports are timed in another process, "
            "so that its start-up beyond them may come out below 0.\n"
        )
        parts.append(_table(["", ""], list(found["workflow"].items())))
    if "python" in found:
        parts += _python(found["python"])
    if isinstance(found.get("windows"), list):
        parts.append(
            "### Strided windows beside a window for each word (Alice, stories260K, 27 listeners, "
            "word-judged associations written by a language model)\n"
        )
        parts.append(
            _table(list(found["windows"][0]), [list(row.values()) for row in found["windows"]])
        )
    if isinstance(found.get("encoders"), dict):
        parts += _encoders(found["encoders"])
    if isinstance(found.get("texts"), dict):
        parts += _texts(found["texts"])
    return parts


@style.styled
def _draw_scaling(rows: Sequence[dict[str, Any]], path: Path) -> str:
    """Draw seconds along each dimension, and return what is to be seen, in words."""
    names = list(dict.fromkeys(row["varied"] for row in rows))
    figure = Figure(figsize=(style.PAGE, 85 * style.MM))
    panels = figure.subplots(2, -(-len(names) // 2), squeeze=False, sharey=True).ravel()
    said = []
    for panel, name in zip(panels, names, strict=False):
        mine = [row for row in rows if row["varied"] == name]
        values, seconds = [row["value"] for row in mine], [row["seconds"] for row in mine]
        panel.plot(values, seconds, marker="o", color=style.MODELS[0], label="Engram")
        panel.plot(
            values,
            [row["seconds"] * row["of bare"] for row in mine],
            marker="o",
            color=style.GREY,
            linestyle="--",
            label="bare products or passes",
        )
        panel.set(
            xscale="log",
            yscale="log",
            xlabel=name,
            xticks=values,
            xticklabels=[f"{value:,}" for value in values],
        )
        panel.minorticks_off()
        panel.yaxis.set_major_formatter("{x:g}")
        said.append(
            f"{name} {values[0]:,} to {values[-1]:,}: {seconds[0]:.2g} to {seconds[-1]:.2g} s"
        )
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    for panel in panels[:: len(panels) // 2]:
        panel.set_ylabel("seconds")
    parts.legend(figure, panels[:1])
    path.parent.mkdir(exist_ok=True)
    with matplotlib.rc_context({"figure.constrained_layout.use": False}):
        figure.savefig(path, metadata={"Date": None})
    return "Seconds along each dimension, Engram and the bare products or passes. " + "; ".join(
        said
    )


def _encoding(found: dict[str, Any]) -> list[str]:
    shape = found["shape"]
    agreement = found["agreement"]
    features = shape["units"] * shape["delays"]
    return [
        (
            f"### Encoding {shape['listeners']} listeners x {shape['targets']:,} targets, "
            f"{shape['rows']} TRs, {features:,} delayed features, 10 penalties, {shape['folds']} "
            f"x {shape['inner_folds']} folds\n"
        ),
        _times(found["times"]),
        "Agreement: "
        + "; ".join(f"{name} {value:.2g}" for name, value in agreement.items() if name != "targets")
        + (
            f" (the first over {agreement['targets']} targets). RidgeCV chooses penalties "
            "by leave-one-out, himalaya as it comes by R2 and with features scaled once for each "
            "outer fold: they are compared by time.\n"
        ),
    ]


def _earlier(found: dict[str, Any]) -> list[str]:
    """Return the part about encoding now and at an earlier commit."""
    rows = []
    for one in found["rows"]:
        shape = one["shape"]
        rows.append(
            (
                f"{shape['listeners']} x {shape['targets']:,}",
                f"{shape['folds']} x {shape['inner_folds']}",
                *(one[key] for key in ("before", "now", "bare", "before / now", "now / bare")),
                f"{one['penalties changed']} of {one['penalties']:,}",
                f"{one['largest difference of r']:.1g}",
            )
        )
    shape = found["rows"][0]["shape"]
    return [
        f"### Encoding now and at {found['before']}\n\n{shape['rows']} TRs, "
        f"{shape['units'] * shape['delays']:,} delayed features, 10 penalties. Seconds of the "
        "processor, one thread; contenders are processes that take turns of a few seconds. r is "
        "compared where the chosen penalty is the same.\n",
        _table(
            [
                "listeners x targets",
                "folds",
                "then",
                "now",
                "bare products",
                "then / now",
                "now / bare",
                "penalties changed",
                "largest difference of r",
            ],
            rows,
        ),
        *_operations(found["rows"]),
    ]


def _operations(rows: list[dict[str, Any]]) -> list[str]:
    """Return the part about how many operations an encoding has, beside the bound."""
    counted = [row for row in rows if "operations" in row]
    if not counted:
        return []
    kinds = list(counted[0]["operations"])
    table = []
    for row in counted:
        counts = row["operations"]
        together = sum(counts.values())
        table.append(
            [
                f"{row['shape']['listeners']} x {row['shape']['targets']:,}",
                *(f"{counts[kind]:.3g}" for kind in kinds),
                f"{together / counts['products']:.3g}",
                f"{together / row['now']:.0f}",
                f"{counts['products'] / row['bare']:.0f}",
            ]
        )
    heads = ["listeners x targets", *kinds, "all / products", "a second, now", "a second, bare"]
    return [
        "Additions and multiplications, in units of 1e9. Products with targets are the bound; "
        "kernels, decompositions and matrices are in double precision and the same for all "
        "targets.\n",
        _table(heads, table),
    ]


def _python(found: dict[str, Any]) -> list[str]:
    """Return the part about `brain_score` beside the workflow's jobs."""
    shape = found["shape"]
    rows = [
        [said, found[key]["seconds"], found[key]["peak_gb"]]
        for key, said in (("jobs", "jobs"), ("call", "`engram.brain_score`"))
    ]
    return [
        (
            f"### `engram.brain_score` beside the workflow's jobs\n\n{shape['listeners']} "
            f"listeners x {shape['targets']:,} targets x {shape['trs']} TRs as tables, "
            f"{shape['words']:,} words, a model of {shape['layers']} blocks of {shape['units']} "
            "units with random weights. One thread; the jobs without their starts, the largest "
            "peak of a job.\n"
        ),
        _table(["", "seconds", "peak, GB"], rows),
        (
            f"Times the jobs' seconds: {found['ratio']:.2f} (rounds: {found['lowest']:.2f} to "
            f"{found['highest']:.2f}). Largest difference of R: "
            f"{found['largest difference']:.1g}.\n"
        ),
    ]


def _activations(found: dict[str, Any]) -> list[str]:
    size = f"{found['words']:,} words ({found['tokens']:,} tokens)"
    return [
        (
            f"### Reading {size}, {found['model']} in size, random weights, context "
            f"{found['context']}, {found['dtype']}\n"
        ),
        _times(found["times"]),
        (
            f"{found['tokens_per_second']:,} tokens a second, {found['tflops']} TFLOP/s "
            f"({found['parameters'] / 1e6:.0f} million parameters).\n"
        ),
    ]


def _encoders(found: dict[str, Any]) -> list[str]:
    """Return what several words from each window of an encoder save, and what they change."""
    rows = found["rows"]
    said = (
        f"### Several words from each window of an encoder (Alice, {found['model']}, 27 listeners, "
        "six regions)\n\nSeconds of the processor, of reading alone, one thread; strides took "
        "turns of a few seconds. With a stride of k words a word knows up to k - 1 later words, so "
        "that its R is not that of what was heard. Differences are from a window for each word.\n"
    )
    return [said, _table(list(rows[0]), [list(row.values()) for row in rows])]


def _texts(found: dict[str, Any]) -> list[str]:
    """Return the part about a text and its controls."""
    keys = ("case", "load", "read", "score", "peak_gb", "ratio")
    return [
        (
            f"### A text and {found['controls']} controls read and scored (Alice, "
            f"{found['model']}, {found['text']}, 27 listeners, six regions)\n\nSeconds of the "
            f"processor, all threads together.\n\n{found.get('note', '')}".rstrip()
            + "\n"
        ),
        _table(
            ["", "load, s", "read, s", "score, s", "peak, GB", "times the bare passes and fits"],
            [[row[key] for key in keys] for row in found["rows"]],
        ),
        *_all_layers(found.get("layers")),
    ]


def _all_layers(found: dict[str, Any] | None) -> list[str]:
    """Return the sentence on R of all layers, where it was measured."""
    if found is None:
        return []
    return [
        f"R of {found['layers']} layers of {found['units']} units for the same listeners and their "
        f"average, from activations to scores: {found['score']} s of the processor, "
        f"{found['peak_gb']} GB at the peak.\n"
    ]


def _times(times: dict[str, dict[str, Any]]) -> str:
    rows = [
        [
            name,
            f"{one['seconds']:.3g}",
            f"{one['lowest']:.3g} to {one['highest']:.3g}",
            f"{one['ratio']:.3g}",
            f"{one['measured_part']:.0%}",
        ]
        for name, one in times.items()
    ]
    return _table(["", "seconds", "range", "times Engram", "part measured"], rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"
