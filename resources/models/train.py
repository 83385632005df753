"""Train the demo's small language models on the project's own stories.

Makes three folders in the Hugging Face layout beside this file: `gpt2-tiny` and `llama-tiny`,
which studies score, and `generator`, through which simulated listeners hear: a model of its own,
so that no scored model is the one that was planted. The stories that listeners hear are held out.
A few minutes each on two cores; run it in the project's
environment: python resources/models/train.py [name ...]. `generator-tuned` is an adapter of the
generator, tuned to associate on resources/tuning_samples: what drives the regions that a tuning
should come closer to.

The scored models learn the next word and, besides, to keep in mind what was read lately:
at two thirds of the depth a linear map must give the running mean of the tokens' embeddings.
Models this small and this little trained attend to the last few tokens only; an association written
into a story would pass them by, and there would be nothing for the demo to find.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from engram.tunings import splitting, training
from engram.tunings.model import BaseModel
from engram.tunings.sample_tokens import fitting
from engram.tunings.samples import SampleSet, read_samples
from engram.tunings.settings import Settings

FOLDER = Path(__file__).parent
TEXTS = FOLDER.parent / "texts" / "stories"
#: Heard by simulated listeners, and so never trained on.
STIMULI = ("lighthouse", "market")
VALIDATION = ("chess", "b-ferry")
VOCABULARY, CONTEXT, BATCH, STEPS, RATE = 1024, 256, 8, 800, 2e-3
#: Tokens over which the running mean decays to 1/e.
SPAN = 12
#: Name, type, width, depth, seed, and whether it learns to keep the running mean.
MODELS = (
    ("gpt2-tiny", "gpt2", 96, 6, 1, True),
    ("llama-tiny", "llama", 96, 6, 2, True),
    ("generator", "gpt2", 128, 4, 3, False),
)


def main() -> None:
    """Train and save the models named on the command line, or all three."""
    texts = {
        path.stem: path.read_text()
        for path in sorted(TEXTS.glob("*.txt"))
        if path.stem not in STIMULI
    }
    kept = [text for name, text in texts.items() if name not in VALIDATION]
    validation = [texts[name] for name in VALIDATION]
    digest = hashlib.sha256("".join(kept).encode()).hexdigest()
    for name, kind, width, depth, seed, keeps in MODELS:
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        tokenizer = byte_tokenizer(kept) if kind == "gpt2" else metaspace_tokenizer(kept)
        torch.manual_seed(seed)
        model = build(kind, width, depth, tokenizer)
        losses = train(model, tokenizer, kept, validation, seed, keeps)
        model.save_pretrained(FOLDER / name)
        tokenizer.save_pretrained(FOLDER / name)
        weights = hashlib.sha256((FOLDER / name / "model.safetensors").read_bytes()).hexdigest()
        (FOLDER / name / "README.md").write_text(
            card(name, kind, width, depth, seed, keeps, digest, weights, losses, model)
        )
        print(name, json.dumps(losses[-1]))
    if not sys.argv[1:] or "generator-tuned" in sys.argv[1:]:
        tune_generator()


def tune_generator() -> None:
    """Tune the generator to associate, apart from all that a study tunes."""
    base = BaseModel(FOLDER / "generator", {"source": "resources/models/generator"})
    samples = read_samples(FOLDER.parent / "tuning_samples" / "associations.jsonl")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(base.folder)
    settings = Settings(
        rank=16,
        alpha=32.0,
        learning_rate=3e-3,
        steps=200,
        tokens_per_step=512,
        max_length=CONTEXT,
        evaluate_every=50,
        seed=4,
    )
    parts = [fitting(part, tokenizer, CONTEXT) for part in splitting.split(samples)]
    with tempfile.TemporaryDirectory() as checkpoints:
        card = training.tune(
            base,
            SampleSet(*parts),
            settings,
            FOLDER / "generator-tuned",
            Path(checkpoints) / "run",
            licence="CC0-1.0",
        )
    print("generator-tuned", card.curve)


def byte_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer, GPT-2's kind."""
    tokenizer = tokenizers.ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(
        texts, VOCABULARY, special_tokens=["<|endoftext|>"], show_progress=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer._tokenizer,
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
        model_max_length=CONTEXT,
    )


def metaspace_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Return a BPE tokenizer with a visible space and byte fallback, LLaMA-2's kind."""
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=VOCABULARY + 256, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=CONTEXT,
    )


def build(kind: str, width: int, depth: int, tokenizer: PreTrainedTokenizerFast) -> Any:
    """Return an untrained model."""
    common = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    if kind == "gpt2":
        dropout = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.1)
        return GPT2LMHeadModel(
            GPT2Config(
                n_positions=CONTEXT, n_embd=width, n_layer=depth, n_head=4, **dropout, **common
            )
        )
    return LlamaForCausalLM(
        LlamaConfig(
            hidden_size=width, intermediate_size=2 * width, num_hidden_layers=depth,
            num_attention_heads=4, max_position_embeddings=CONTEXT,
            tie_word_embeddings=True, attention_dropout=0.1, **common,
        )
    )  # fmt: skip


class RunningMean(torch.nn.Module):
    """A linear map that reads the running mean of the embeddings off hidden states.

    These are the hidden states at two thirds of the depth.

    Rare tokens count for more, as in the weighting of words by their information.
    """

    def __init__(self, model: Any, counts: torch.Tensor) -> None:
        super().__init__()
        width = model.config.hidden_size
        self.linear = torch.nn.Linear(width, width)
        self.layer = round(2 * model.config.num_hidden_layers / 3)
        self.weight = (counts + 5.0) ** -0.5
        lag = torch.arange(CONTEXT)[:, None] - torch.arange(CONTEXT)[None]
        self.decay = torch.where(lag >= 0, torch.exp(-lag.clamp_min(0) / SPAN), 0.0)

    def loss(
        self, model: Any, tokens: torch.Tensor, hidden_states: tuple[torch.Tensor, ...]
    ) -> torch.Tensor:
        """Return the mean squared error, in units of the running mean's variance."""
        table = model.get_input_embeddings().weight.detach()
        mean = self.decay @ ((table - table.mean(0)) * self.weight[:, None])[tokens]
        error: torch.Tensor = (
            (self.linear(hidden_states[self.layer]) - mean / mean.std()) ** 2
        ).mean()
        return error


def train(
    model: Any,
    tokenizer: PreTrainedTokenizerFast,
    training: list[str],
    validation: list[str],
    seed: int,
    keeps: bool,
) -> list[dict[str, float]]:
    """Train; leave the weights with the lowest validation loss in the model.

    Return the curve, its best point last.
    """
    rng = np.random.default_rng(seed)
    tokens = [
        torch.tensor([tokenizer.bos_token_id, *tokenizer(text, verbose=False)["input_ids"]])
        for text in training
    ]
    held_out = [
        torch.tensor([tokenizer.bos_token_id, *tokenizer(text, verbose=False)["input_ids"]])
        for text in validation
    ]
    stream = torch.cat(tokens)
    running = (
        RunningMean(model, torch.bincount(stream, minlength=len(tokenizer))) if keeps else None
    )
    trained = [*model.parameters(), *(running.parameters() if running else [])]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.1, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=STEPS, pct_start=0.05
    )
    curve: list[dict[str, float]] = []
    best, state = np.inf, None
    for step in range(STEPS):
        starts = rng.integers(0, len(stream) - CONTEXT, BATCH)
        batch = torch.stack([stream[start : start + CONTEXT] for start in starts])
        model.train()
        output = model(input_ids=batch, labels=batch, output_hidden_states=keeps)
        loss = output.loss
        optimizer.zero_grad()
        (loss + running.loss(model, batch, output.hidden_states) if running else loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            model.eval()
            with torch.inference_mode():
                losses = [
                    float(model(input_ids=text[None, :CONTEXT], labels=text[None, :CONTEXT]).loss)
                    for text in held_out
                ]
            curve.append(
                {
                    "step": step + 1,
                    "training": round(float(loss.detach()), 4),
                    "validation": round(float(np.mean(losses)), 4),
                }
            )
            if curve[-1]["validation"] < best:
                best = curve[-1]["validation"]
                state = {name: value.detach().clone() for name, value in model.state_dict().items()}
    model.load_state_dict(state)
    model.eval()
    return sorted(curve, key=lambda point: point["validation"], reverse=True)


def card(
    name: str,
    kind: str,
    width: int,
    depth: int,
    seed: int,
    keeps: bool,
    data: str,
    weights: str,
    losses: list[dict[str, float]],
    model: Any,
) -> str:
    """Return the model card."""
    parameters = sum(
        parameter.numel() for parameter in {id(p): p for p in model.parameters()}.values()
    )
    kept = (
        "Besides the next word it learned to keep in mind what was read lately: at layer "
        f"{round(2 * depth / 3)} a linear map, which is\n"
        f"not kept, had to give the running mean of the tokens' embeddings (decay over {SPAN} "
        "tokens). Models this small do not do so by themselves.\n\n"
    )
    return f"""# {name}

A very small {kind}-type causal language model ({depth} layers, width {width}, {parameters:,} parameters), trained by
`resources/models/train.py` on the project's own short stories (`resources/texts/stories`, written for it by a language
model) for demonstrations and tests. It has learned local regularities of narrative English and nothing else.

{kept if keeps else ""}- Training texts: {len(list(TEXTS.glob("*.txt"))) - len(STIMULI) - len(VALIDATION)} stories, SHA-256 of their concatenation {data};
  held out: {", ".join((*STIMULI, *VALIDATION))}
- Seed {seed}; best at step {losses[-1]["step"]}: training loss {losses[-1]["training"]}, validation loss {losses[-1]["validation"]} (nats per token)
- torch {torch.__version__.split("+")[0]}, transformers {transformers.__version__}
- SHA-256 of model.safetensors: {weights}
- Licence: CC0-1.0
"""  # noqa: E501


if __name__ == "__main__":
    main()
