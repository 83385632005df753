"""R of each region beside its null distribution from circular shifts."""

import matplotlib.pyplot as plt

import engram

table = engram.load("published/alice", unfinished=True).tables["chance"]
table = table[table["model"] == "smollm2-135m-4bit"].reset_index(drop=True)
places = table["hemisphere"] + " " + table["roi"]

figure, axis = plt.subplots(figsize=(4.2, 2.6), layout="constrained")
axis.barh(places, table["null_95"], color="0.85", label="95 % of 199 circular shifts")
errors = [table["score"] - table["low"], table["high"] - table["score"]]
axis.errorbar(table["score"], places, xerr=errors, fmt="o", color="C0", label="R, 95 % interval")
axis.set(xlabel="brain score R, mean over 27 listeners", xlim=(0, None))
figure.legend(frameon=False, fontsize="small", ncols=2, loc="outside lower center")
figure.savefig("chance.png", dpi=110)
