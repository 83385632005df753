"""Nested ridge regression of arrays: a slow response to one feature, found in held-out rows."""

import matplotlib.pyplot as plt
import numpy as np

import engram

rng = np.random.default_rng(0)
feature = rng.standard_normal(400)
delays = range(1, 6)  # rows of 2 s: the response peaks 4 to 6 s after what caused it
response = np.array([0.3, 1.0, 0.8, 0.3, 0.1])
X = np.stack([np.roll(feature, delay) for delay in delays], axis=1)
strength = np.linspace(0, 1, 30)  # of 30 targets
Y = np.outer(X @ response, strength) + rng.standard_normal((400, 30))

r = engram.NestedRidge(folds=5, gap=max(delays)).cross_validate(X, Y).mean(axis=0)
signal = strength**2 * (response**2).sum()

figure, axis = plt.subplots(figsize=(4.2, 2.6), layout="constrained")
axis.plot(strength, np.sqrt(signal / (signal + 1)), color="black", label="a perfect model")
axis.plot(strength, r, "o", markersize=4, label="R in held-out rows")
axis.set(xlabel="strength of the response", ylabel="R")
axis.legend(frameon=False, fontsize="small")
figure.savefig("nested_ridge.png", dpi=110)
