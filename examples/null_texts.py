"""F of texts with associations, beside the spread of random texts, by region."""

import matplotlib.pyplot as plt

import engram

table = engram.load("published/alice", unfinished=True).tables["association"]
texts = ["word-judged", "word-periodic", "sentence-judged"]

figure, axis = plt.subplots(figsize=(4.6, 2.8), layout="constrained")
for number, text in enumerate(texts):
    rows = table[table["text"] == text].reset_index(drop=True)
    at = rows.index + 0.2 * (number - 1)
    errors = [
        rows["F_minus_null"] - rows["difference_low"],
        rows["difference_high"] - rows["F_minus_null"],
    ]
    axis.errorbar(at, rows["F_minus_null"], yerr=errors, fmt="o", markersize=4, label=text)
axis.axhline(0, color="black", linewidth=0.8)
axis.set_xticks(rows.index, rows["hemisphere"] + " " + rows["roi"])
axis.set(ylabel="F minus that of random texts")
figure.legend(frameon=False, fontsize="small", ncols=3, loc="outside lower center")
figure.savefig("null_texts.png", dpi=110)
