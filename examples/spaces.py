"""What words alone predict: R of feature spaces beside that of a language model."""

import matplotlib.pyplot as plt

import engram

table = engram.load("published/alice-features", unfinished=True).tables["spaces"]
table = table[table["roi"] == "all"].sort_values("score")

figure, axis = plt.subplots(figsize=(4.2, 3.4), layout="constrained")
axis.barh(table["model"], table["score"], color="C0")
rate = table.loc[table["model"] == "word-rate", "score"].item()
axis.axvline(rate, color="black", linestyle="--", linewidth=1, label="the word rate")
axis.set(xlabel="R, mean over listeners and regions")
axis.legend(frameon=False, fontsize="small", loc="lower right")
figure.savefig("spaces.png", dpi=110)
