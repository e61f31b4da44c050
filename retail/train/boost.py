"""Trains gradient-boosted trees for retail-train, one folder a job.

Reads folder names from standard input, one a line, and answers each with "ok". A folder holds job.json (seed, monotone: a
direction for each feature, growth: the settings that choose.go chooses) and little-endian float32: train (rows x features), labels (log units), weights,
test (test_rows x features). It gets model.json, as XGBoost writes it, and forecasts, what the trees add up to for test.

Needs XGBoost 1.7 (Debian: python3-xgboost). The same job gives the same trees.
"""
import json
import os
import sys

import numpy
import xgboost

# Beside those of the job's growth.
PARAMETERS = {
    # Not what is minimised (see loss), but it says that what trees add up to is the answer as it is.
    "objective": "reg:squarederror",
    "base_score": 3.0,
    "tree_method": "hist",
    "max_bin": 128,
    "max_depth": 6,
    "subsample": 0.7,
    "nthread": 1,
    "verbosity": 0,
}
TREES = 200


def loss(width):
    """The loss is pseudo-Huber's of log units: the squared error of what is off by less than the width, the absolute error beyond it."""

    def gradients(sums, data):
        off, weights = sums - data.get_label(), data.get_weight()
        root = numpy.sqrt(1 + (off / width) ** 2)
        # The curvature is that of the parabola that touches the loss here and lies above it elsewhere, so no step goes too far.
        return weights * off / root, weights / root

    return gradients


def train(folder):
    def read(name, columns=None):
        numbers = numpy.fromfile(os.path.join(folder, name), "<f4")
        return numbers if columns is None else numbers.reshape(-1, columns)

    with open(os.path.join(folder, "job.json")) as file:
        job = json.load(file)
    columns = len(job["monotone"])
    data = xgboost.DMatrix(read("train", columns), label=read("labels"), weight=read("weights"), nthread=1)
    growth = job["growth"]
    width = growth.pop("width")
    parameters = dict(PARAMETERS, **growth, seed=job["seed"], monotone_constraints="(%s)" % ",".join(map(str, job["monotone"])))
    booster = xgboost.train(parameters, data, TREES, obj=loss(width))
    booster.save_model(os.path.join(folder, "model.json"))
    test = read("test", columns)
    forecasts = booster.predict(xgboost.DMatrix(test, nthread=1), output_margin=True) if len(test) else numpy.zeros(0, "<f4")
    forecasts.astype("<f4").tofile(os.path.join(folder, "forecasts"))


for line in sys.stdin:
    train(line.rstrip("\n"))
    print("ok", flush=True)
