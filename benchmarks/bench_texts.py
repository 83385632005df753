"""A text with its controls, read and scored on Alice, beside what cannot be saved.

That is the bare forward passes up to the reported layer, and one fit for each text. An earlier
commit can be measured along (`--before`): its code is taken out of Git, and reads and scores the
same texts in turn with today's.

Beside it: R of all layers of such a model for all listeners, once the model has read.

Each case is a process of its own, as a job is. Seconds are of the processor, all threads together
(with one thread: what the wall clock shows on a quiet machine). The cases that are compared take
turns of a few seconds, so that whatever else the machine does slows all of them alike.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
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
#: Seconds that a case runs before it is another's turn.
_TURN = 5.0
#: Layers and units of activations as `MODEL` has them.
_LAYERS, _UNITS = 31, 576
#: What Engram does, as the table names it.
_ENGRAM = "Engram"


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
        code = {"bare passes and fits": PROJECT, _ENGRAM: PROJECT}
        if before:
            code[f"{_ENGRAM} at {before[:7]}"] = taken_out(before, folder / "before")
        given = [str(folder / "results"), str(controls), model]
        cases = {
            name: _started(project, ["bare" if name.startswith("bare") else "texts", *given])
            for name, project in code.items()
        }
        found: dict[str, list[dict[str, float]]] = {name: [] for name in code}
        layers = []
        for _ in range(repeats):
            for name, one in in_turns(cases).items():
                found[name].append(one)
                say(f"  {name}: {one}")
            alone = in_turns({"layers": _started(PROJECT, ["layers", *given])})["layers"]
            layers.append(alone)
            say(f"  all layers: {alone}")
    return {
        "model": model,
        "text": TEXT,
        "controls": controls,
        "rows": _rows(found),
        "layers": {
            "layers": _LAYERS,
            "units": _UNITS,
            **{
                key: round(statistics.median(one[key] for one in layers), 2)
                for key in ("score", "peak_gb")
            },
        },
    }


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


def taken_out(commit: str, folder: Path) -> Path:
    """Return a folder with the code of a commit."""
    folder.mkdir()
    archive = folder / "code.tar"
    git = ["git", "archive", "--output", str(archive), commit, "src", "resources"]
    subprocess.run(git, cwd=PROJECT, check=True)
    subprocess.run(["tar", "-xf", str(archive)], cwd=folder, check=True)
    return folder


def _started(project: Path, case: list[str]) -> Callable[[], subprocess.Popen[str]]:
    """Return what starts a process of a case, which runs with a project's code."""

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, __file__, *case],
            env={**os.environ, "PYTHONPATH": str(project / "src")},
            stdout=subprocess.PIPE,
            text=True,
        )

    return start


def in_turns(
    cases: Mapping[str, Callable[[], subprocess.Popen[str]]], turn: float = _TURN
) -> dict[str, dict[str, float]]:
    """Run cases as processes of which one works at a time, and return what each printed last.

    Parameters
    ----------
    cases : mapping
        By name, what starts the process.
    turn : float
        Seconds after which the next one goes on. All are in memory together.
    """
    running: dict[str, subprocess.Popen[str]] = {}
    try:
        for name, start in cases.items():
            running[name] = start()
            running[name].send_signal(signal.SIGSTOP)
        waiting = list(running.values())
        while waiting:
            for one in list(waiting):
                one.send_signal(signal.SIGCONT)
                try:
                    one.wait(turn)
                    waiting.remove(one)
                except subprocess.TimeoutExpired:
                    one.send_signal(signal.SIGSTOP)
        return {name: _printed(name, one) for name, one in running.items()}
    finally:
        for one in running.values():
            one.kill()
            one.wait()


def _printed(name: str, ended: subprocess.Popen[str]) -> dict[str, float]:
    """Return the last line that a process printed."""
    if ended.returncode:
        raise SystemExit(f"{name} ended with {ended.returncode}")
    found: dict[str, float] = json.loads(ended.communicate()[0].splitlines()[-1])
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


def all_layers(results: Path) -> dict[str, float]:
    """Return the seconds in which all layers are scored as the job of R does, from its files.

    Activations are noise of the shape that the model's have: how long it takes does not depend on
    what they hold.
    """
    import numpy as np
    import xarray as xr

    from engram.encoding import layer_scoring
    from engram.files import storage
    from engram.study.config.encoding import Encoding

    words, bold = results / "stories" / "story-alice_words.tsv", results / "bold"
    shape = (_LAYERS, len(storage.read_words(words)), _UNITS)
    values = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    options = {**Encoding().model_dump(), "backend": "torch"}
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "activations.nc"
        noise = xr.Dataset({"activation": (("layer", "word", "unit"), values)})
        noise.assign_attrs(words_to_trs=options["words_to_trs"]).to_netcdf(path)
        file = bold / "story-alice_bold.nc"
        with xr.open_dataset(file) as read:
            subjects = read["subject"].values.tolist()
        begin = time.process_time()
        layer_scoring.score_layers([str(path)], [str(file)], [str(words)], subjects, **options)
    return {"score": time.process_time() - begin}


def _case(kind: str, results: Path, controls: int, model: str) -> dict[str, float]:
    """Return what one case took."""
    if kind == "layers":
        return all_layers(results)
    case = _Case(results, controls, model)
    {"texts": read_and_scored, "bare": bare}[kind](case)
    return case.seconds


def main() -> None:
    """Run one case and print it, or, with `--controls`, all of them."""
    if sys.argv[1:2] in (["texts"], ["bare"], ["layers"]):
        from engram.jobs.provenance import peak_memory

        seconds = _case(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
        print(json.dumps({**seconds, "peak_gb": peak_memory() / 1e9}))
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
