"""R by layer of a language model and of its re-initialised twin, from a finished study."""

import engram

study = engram.load("published/alice", unfinished=True)  # your own: results/<study>
study.plot_layers(["smollm2-135m-4bit", "smollm2-135m-4bit-reinitialised"]).save(
    "layers.png", dpi=110
)
