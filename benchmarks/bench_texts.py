"""A text with its controls, read and scored on Alice, beside what cannot be saved.

That is the bare forward passes up to the reported layer, and one fit for each text. An earlier
commit can be measured along (`--before`): its code is taken out of Git, and reads and scores the
same texts in turn with today's.

Each case is a process of its own, as a job is. Seconds are of the processor, all threads together
(with one thread: what the wall clock shows on a quiet machine), so that they hold on a busy one,
too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from paired import say

PROJECT = Path(__file__).parents[1]
MODEL = "SmolLM2-135M-Instruct"
TEXT = "word-judged"
#: Of the `activations` section and of `association_effect`.
READING: dict[str, Any] = {
    "mode": "strided",
    "context": None,
    "stride": None,
    "pooling": "last",
    "batch_tokens": 8192,
    "room": 1.0,
}


def measured(controls: int, repeats: int, before: str | None, model: str = MODEL) -> dict[str, Any]:
    """Return seconds and memory of a text with so many controls, and of the bare passes and fits.

    Parameters
    ----------
    controls : int
        Control texts, of those that a study has as it comes: random ones first.
    repeats : int
        Rounds; in each round all cases run in turn.
    before : str or None
        A commit whose code is measured along.
    model : str
        Of the mirror, with a list of blocks that is called `layers`, as LLaMA's.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _prepare(folder, model)
        code = {"bare passes and fits": PROJECT, "Engram": PROJECT}
        if before:
            code[f"Engram at {before[:7]}"] = _taken_out(before, folder / "before")
        found: dict[str, list[dict[str, float]]] = {name: [] for name in code}
        for _ in range(repeats):
            for name, project in code.items():
                kind = "bare" if name.startswith("bare") else "texts"
                given = [kind, str(folder / "results"), str(controls), model]
                found[name].append(_in_a_process(project, given))
                say(f"  {name}: {found[name][-1]}")
    return {"model": model, "text": TEXT, "controls": controls, "rows": _rows(found)}


def _rows(found: dict[str, list[dict[str, float]]]) -> list[dict[str, Any]]:
    """Return medians over rounds, and the median of each round's ratio to the bare case."""
    bare = [sum(one.values()) - one["peak_gb"] for one in found["bare passes and fits"]]
    rows = []
    for name, rounds in found.items():
        row: dict[str, Any] = {"case": name}
        for key in ("load", "read", "score", "peak_gb"):
            row[key] = round(statistics.median(one[key] for one in rounds), 2)
        ratios = [
            (sum(one.values()) - one["peak_gb"]) / own
            for one, own in zip(rounds, bare, strict=True)
        ]
        rows.append({**row, "ratio": round(statistics.median(ratios), 3)})
    return rows


def _prepare(folder: Path, model: str) -> None:
    """Make words, BOLD and texts of Alice; it needs the mirror."""
    study = {
        "study": "bench-texts",
        "dataset": {"kind": "alice"},
        "models": {"model": {"source": model}},
        "baselines": [],
        "associations": {TEXT: {}},
        "pathvars": {"results": str(folder / "results")},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study))
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--configfile", str(path)]
    place = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        [*command, "--until", "bold", "association_texts", "fetch_model"],
        cwd=PROJECT,
        env={**os.environ, "PATH": place},
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        raise SystemExit(ended.stdout + ended.stderr)


def _taken_out(commit: str, folder: Path) -> Path:
    """Return a folder with the code of a commit."""
    folder.mkdir()
    archive = folder / "code.tar"
    git = ["git", "archive", "--output", str(archive), commit, "src", "resources"]
    subprocess.run(git, cwd=PROJECT, check=True)
    subprocess.run(["tar", "-xf", str(archive)], cwd=folder, check=True)
    return folder


def _in_a_process(project: Path, case: list[str]) -> dict[str, float]:
    """Return the seconds and the peak memory of a case that runs with a project's code."""
    ended = subprocess.run(
        [sys.executable, __file__, *case],
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


class _Case:
    """The data of a case, and the seconds of its parts."""

    def __init__(self, results: Path, controls: int, model: str) -> None:
        from engram.encoding.group import Group
        from engram.encoding.story_data import load_story, with_regions_as_targets
        from engram.features.language_models import activations
        from engram.files import storage
        from engram.study.config.encoding import Encoding

        words = results / "stories" / "story-alice_words.tsv"
        self.words = storage.read_words(words)
        insertions = results / "associations" / f"story-alice_text-{TEXT}_insertions.json"
        texts = storage.read_json(insertions)["texts"]
        self.texts = {
            name: {int(place): text for place, text in texts[name].items()}
            for name in list(texts)[: 2 + controls]
        }
        story = load_story(str(results / "bold" / "story-alice_bold.nc"), str(words))
        subjects = story.bold["subject"].values.tolist()
        options = {**Encoding().model_dump(), "backend": "torch"}
        self.group = Group([with_regions_as_targets(story)], subjects, **options)
        self.seconds: dict[str, float] = {}
        self._last = time.process_time()
        self.reader = activations.load(
            Path(os.environ["ENGRAM_MIRROR"]) / "models" / model, device="cpu"
        )
        self.lap("load")

    def lap(self, name: str) -> None:
        """Note the processor's seconds since the last call."""
        now = time.process_time()
        self.seconds[name], self._last = now - self._last, now


def read_and_scored(case: _Case) -> None:
    """Read all texts, and score them, as the jobs of a text do."""
    from engram.associations import text_reading
    from engram.encoding import variant_scoring

    words = case.words["word"].tolist()
    # At earlier commits a function makes what reads texts.
    made = getattr(text_reading, "text_reader", None) or text_reading.ModelReading
    read = made(words, case.reader, **READING)
    data = text_reading.read_texts(case.words, case.texts, read, alignment="context", layer=None)
    case.lap("read")
    variant_scoring.score_variants([data], case.group)
    case.lap("score")


def bare(case: _Case) -> None:
    """Run the blocks up to the reported layer over all windows, and fit once for each text."""
    import numpy as np
    import torch

    from engram.associations.insertions import with_insertions
    from engram.features.language_models.tokens import tokenize
    from engram.features.language_models.window_batches import Piece, padded
    from engram.features.language_models.windows import Window, plan_windows
    from engram.features.layers import reported_layer

    reader, model = case.reader, case.reader.model
    del model.layers[reported_layer(reader.depth, None) :]
    words, limit = case.words["word"].tolist(), 1024
    plan = plan_windows(
        tokenize(words, reader.tokenizer),
        reader,
        mode="strided",
        context=int((limit - reader.frame) / (1 + READING["room"])) + reader.frame,
        stride=None,
    )
    for insertions in case.texts.values():
        text = with_insertions(words, insertions)
        story, borders = (
            tokenize(text.words, reader.tokenizer),
            np.append(text.place, len(text.words)),
        )
        pieces = [
            Piece(0, story, Window(*(int(borders[k]) for k in (one.begin, one.read, one.end))))
            for one in plan
        ]
        # Sorted, so that little is padding.
        pieces.sort(key=lambda piece: piece.tokens)
        with torch.inference_mode():
            for begin in range(0, len(pieces), 8):
                ids, mask = padded(pieces[begin : begin + 8], reader)
                model(input_ids=ids, attention_mask=mask)
    case.lap("read")
    vectors = np.random.default_rng(0).standard_normal((len(words), model.config.hidden_size))
    features = case.group.features([vectors.astype(np.float32)])

    def fit(part: Any) -> None:
        for _ in case.texts:
            case.group.score_features(features, part.targets)

    case.group.each_part(model.config.hidden_size, 1, fit)
    case.lap("score")


def main() -> None:
    """Run one case and print it, or, with `--controls`, all of them."""
    if sys.argv[1:2] in (["texts"], ["bare"]):
        from engram.jobs.provenance import peak_memory

        case = _Case(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
        {"texts": read_and_scored, "bare": bare}[sys.argv[1]](case)
        print(json.dumps({**case.seconds, "peak_gb": peak_memory() / 1e9}))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--controls", type=int, default=54)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--before", help="a commit whose code is measured along")
    given = parser.parse_args()
    print(json.dumps(measured(given.controls, given.repeats, given.before), indent=2))


if __name__ == "__main__":
    main()
