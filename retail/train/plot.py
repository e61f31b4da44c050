"""Draws the figures of docs/retail-model.md from the tables of `retail-train -plots FOLDER`: python3 plot.py FOLDER DOCS

Needs matplotlib (Debian: python3-matplotlib).
"""
import os
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plot
import numpy

tables, docs = sys.argv[1:3]


def read(name):
    return numpy.genfromtxt(os.path.join(tables, name), delimiter=",", names=True)


def save(figure, name):
    figure.tight_layout()
    # Without the program's version in it the same figure is the same file.
    figure.savefig(os.path.join(docs, name), dpi=90, metadata={"Software": None})


def forecasts():
    """The chain's weekly sales of each product, as forecast and as they were, and every row against its forecast."""
    rows = read("forecasts.csv")
    figure, axes = plot.subplots(3, 4, figsize=(14, 9))
    for product, ax in zip(range(1, 12), axes.flat):
        own = rows[rows["product"] == product]
        weeks = numpy.unique(own["week"])
        total = lambda column: numpy.array([own[column][own["week"] == w].sum() for w in weeks]) / 1000
        ax.plot(weeks, total("units"), "o-", color="black", markersize=3, label="sold")
        ax.plot(weeks, total("forecast"), "o-", color="tab:blue", markersize=3, label="forecast")
        ax.set_title("product %d, thousands a week" % product, fontsize=10)
        ax.set_ylim(bottom=0)
    axes.flat[0].legend(fontsize=9)
    axes.flat[0].set_xlabel("week")
    ax = axes.flat[11]
    ax.hexbin(rows["forecast"], rows["units"], xscale="log", yscale="log", gridsize=40, bins="log", cmap="Blues")
    ends = [3, 3000]
    ax.plot(ends, ends, color="black", linewidth=1)
    ax.set_title("sold against forecast, all 21,054 rows", fontsize=10)
    ax.set_xlabel("forecast")
    save(figure, "retail-forecasts.png")


def elasticities():
    """What the model expects of an average store at different prices, with and without a promotion."""
    rows = read("prices.csv")
    figure, axes = plot.subplots(3, 4, figsize=(14, 9))
    for product, ax in zip(range(1, 12), axes.flat):
        own = rows[rows["product"] == product]
        ax.fill_between(own["price"], own["low"], own["high"], color="tab:blue", alpha=0.15, linewidth=0, label="10-90%")
        ax.plot(own["price"], own["units"], color="tab:blue", label="no promotion")
        ax.plot(own["price"], own["promoted"], color="tab:orange", label="promotion")
        slope = numpy.polyfit(numpy.log(own["price"]), numpy.log(own["units"]), 1)[0]
        ax.set_yscale("log")
        ax.set_title("product %d, elasticity %.1f" % (product, slope), fontsize=10)
    axes.flat[0].legend(fontsize=9)
    axes.flat[0].set_xlabel("price, US dollars")
    axes.flat[0].set_ylabel("packages a week")
    axes.flat[11].axis("off")
    save(figure, "retail-elasticities.png")


forecasts()
elasticities()
