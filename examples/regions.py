"""R by region at the reported layer, beside the word rate."""

import engram

study = engram.load("published/alice", unfinished=True)
study.plot_regions(["smollm2-135m-4bit", "word-rate"]).save("regions.png", dpi=110)
