"""Simulated learning curves for search_quality, fitted to recorded ones.

The simulator (``Curve``) follows 28 runs of ``SPACE``, in recorded_curves.jsonl: 20 random samples, four of
them with three seeds, of `test_byobnet` on the digits with 40 % wrong labels, 20 epochs (0.6 is the most that
can be reached). Its formulas were fitted to them by hand:

- a small learning rate learns at once and ends low (0.3 to 0.4), one near the best starts late (three to five
  epochs near chance) and ends high: curves cross, most of all between epochs 3 and 7;
- too high a learning rate ends at one class; where, differs between seeds;
- Peer-learning ends 0.03 higher where its drop rate is near the noise rate; batch size, weight decay, label
  smoothing and Balanced Softmax count for little; a constant schedule costs a bit;
- while the learning rate is high, epochs dip below the curve, by up to 0.1; a dip is real (the network is
  that bad then), while what is seen of an accuracy has an error: 0.010 a trial, 0.005 an epoch more;
- seeds differ by 0.010 at the end, and by a quarter in how late they begin.

The benchmark's first table checks the fit: the rank correlation (Spearman) of the accuracy after an epoch
with the mean of the last three, and the accuracy at the end. With 20 samples such a correlation is known to
within 0.2. Earlier formulas, whose first epochs ranked at random or in reverse, did not fit and were dropped:
with them every early stop looked bad, and any longer grace period good.

The ranges of ``SPACE`` are what a user would write, around plausible values, so that the best numbers lie
between 0.37 and 0.77 of their ranges. ``Problem.anywhere`` puts each of them anywhere in its range,
independently of the others.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from platform.config.ranges import NumberRange
from platform.config.space import Space

EPOCHS = 20
RECORDED = Path(__file__).with_name("recorded_curves.jsonl")
SPACE = f"""
epochs: {EPOCHS}
batch_size: {{choice: [16, 32, 64, 128]}}
image_size: 16
model: {{backbone: test_byobnet}}
method:
  choice:
  - name: cross_entropy
    loss: {{choice: [cross_entropy, balanced_softmax]}}
    label_smoothing: {{uniform: [0.0, 0.5]}}
  - name: peer
    drop_rate: {{uniform: [0.0, 0.7]}}
    ramp_epochs: {{int: [1, 15]}}
    agreed_loss: {{choice: [cross_entropy, balanced_softmax]}}
    label_smoothing: {{uniform: [0.0, 0.5]}}
optim:
  choice:
  - {{name: sgd, lr: {{loguniform: [1.0e-3, 1.0]}}, weight_decay: {{loguniform: [1.0e-5, 1.0e-2]}}}}
  - {{name: adamw, lr: {{loguniform: [1.0e-5, 1.0e-1]}}, weight_decay: {{loguniform: [1.0e-4, 1.0]}}}}
schedule:
  choice:
  - {{name: cosine, warmup_epochs: {{int: [0, 4]}}}}
  - {{name: one_cycle}}
  - {{name: constant, warmup_epochs: 0}}
search: {{trials: 1000}}
"""
Parameters = dict[str, Any]
BEST = {
    "optim[sgd].lr": 0.2,
    "optim[adamw].lr": 0.0063,
    "optim[sgd].weight_decay": 10**-3.5,
    "optim[adamw].weight_decay": 10**-2,
    "method[cross_entropy].label_smoothing": 0.25,
    "method[peer].label_smoothing": 0.25,
    "method[peer].drop_rate": 0.38,
    "method[peer].ramp_epochs": 6,
}
"""Best values by parameter name; the learning rates hold for a batch size of 32."""


@dataclass(frozen=True)
class Curve:
    """A trial's measured accuracy after each epoch (``seen``) and its true accuracy, both [EPOCHS]."""

    seen: np.ndarray
    true: np.ndarray

    @classmethod
    def of(cls, parameters: Parameters, noise: np.random.Generator) -> "Curve":
        """The curve of one seed; all randomness comes from ``noise``."""
        off = decades_off(parameters)
        rates = learning_rates(parameters)
        end = 0.16 if off > 0.8 + 0.2 * noise.standard_normal() else final_accuracy(parameters, off)
        pace = math.sqrt(parameters["batch_size"] / 32) * math.exp(0.25 * noise.standard_normal())
        late = 2.4 + 0.6 * off if parameters["optim"] == "sgd" else 1.2 + 0.3 * off
        late = (max(0.0, late) + max(0.0, -1.5 - off)) * pace
        slow = max(1.5, 2.9 + 0.4 * off) * math.sqrt(pace)
        start = 0.155 - 0.09 * min(1.0, max(0.0, -off / 2.5)) * noise.random()
        start -= 0.05 * noise.random() * (parameters["batch_size"] > 32)
        learnt = 1 - np.exp(-np.clip(np.cumsum(rates) - 0.8 * late, 0, None) / slow)
        level = start + (end - start) * learnt
        depth = np.clip(0.05 * (1 + 0.5 * off), 0.008, 0.08) * rates * np.clip((level - 0.1) / 0.2, 0.4, 1)
        dips = 1.25 * depth * np.abs(noise.standard_normal(EPOCHS))
        seed = 0.010 * noise.standard_normal() * (level - 0.05) / 0.4
        true = np.clip(level + seed - dips, 0.05, 0.62)
        error = 0.010 * noise.standard_normal() + 0.005 * noise.standard_normal(EPOCHS)
        return cls(np.clip(true + error, 0.05, 0.62), true)


def decades_off(parameters: Parameters) -> float:
    """Decades by which the learning rate is above (negative: below) the best one."""
    best = BEST[f"optim[{parameters['optim']}].lr"]
    lr: float = parameters["optim.lr"]
    return math.log10(lr / best) - 0.1 * math.log2(parameters["batch_size"] / 32)


def final_accuracy(parameters: Parameters, off: float) -> float:
    decay = math.log10(parameters["optim.weight_decay"] / BEST[f"optim[{parameters['optim']}].weight_decay"])
    smoothing = parameters["method.label_smoothing"] - BEST[f"method[{parameters['method']}].label_smoothing"]
    value: float = 0.555 - 0.004 * decay**2 - 0.06 * smoothing**2
    value -= 0.008 * math.log2(parameters["batch_size"] / 16) + (0.038 if off < 0 else 0.08) * off**2
    if parameters["schedule"] == "constant":
        value -= 0.01 + 0.05 * max(off, 0.0)
    if "balanced_softmax" in (parameters.get("method.loss"), parameters.get("method.agreed_loss")):
        value += 0.006
    if parameters["method"] == "peer":
        value += 0.03 - 0.2 * (parameters["method.drop_rate"] - BEST["method[peer].drop_rate"]) ** 2
        value -= 0.008 * (parameters["method.ramp_epochs"] / BEST["method[peer].ramp_epochs"] - 1) ** 2
    return max(value, 0.16)


def learning_rates(parameters: Parameters) -> np.ndarray:
    """Each epoch's learning rate as a share of the highest [EPOCHS]."""
    epoch = np.arange(1, EPOCHS + 1)
    if parameters["schedule"] == "constant":
        return np.ones(EPOCHS)
    warmup = 0.3 * EPOCHS if parameters["schedule"] == "one_cycle" else parameters["schedule.warmup_epochs"]
    falling = 0.5 * (1 + np.cos(np.pi * (epoch - warmup) / (EPOCHS - warmup)))
    return np.where(epoch <= warmup, epoch / max(warmup, 1), falling)


@dataclass(frozen=True)
class Problem:
    """A shift for each number of the space, in logarithms for a logarithmic range."""

    moves: dict[str, tuple[NumberRange, float]]

    @classmethod
    def as_written(cls) -> "Problem":
        return cls({})

    @classmethod
    def anywhere(cls, space: Space, rng: np.random.Generator) -> "Problem":
        """Move each best value to a random place in its range, the same for all options that have it."""
        moves: dict[str, tuple[NumberRange, float]] = {}
        places: dict[str, float] = {}
        for parameter in space.parameters():
            if isinstance(parameter.range, NumberRange) and parameter.name in BEST:
                place = places.setdefault(parameter.path, rng.random())
                low, high, best = (
                    _scaled(parameter.range, value)
                    for value in (parameter.range.low, parameter.range.high, BEST[parameter.name])
                )
                moves[parameter.name] = (parameter.range, best - (low + place * (high - low)))
        return cls(moves)

    def curve(self, parameters: Parameters, noise: np.random.Generator) -> Curve:
        """The curve of one seed; all randomness comes from ``noise``."""
        moved = dict(parameters)
        for name, (range_, by) in self.moves.items():
            section, option = name.partition("]")[0].split("[")
            path = f"{section}{name.partition(']')[2]}"
            if parameters[section] == option:
                value = _scaled(range_, parameters[path]) + by
                moved[path] = math.exp(value) if range_.is_log else value
        return Curve.of(moved, noise)


def _scaled(range_: NumberRange, value: float) -> float:
    return math.log(value) if range_.is_log else value


def compare_with_recorded() -> None:
    """Print recorded curves beside simulated ones of the same samples, ten seeds each."""
    recorded = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    first = [one for one in recorded if one["seed"] == 0]
    simulated = [
        Curve.of(one["parameters"], np.random.default_rng((place, seed))).seen
        for place, one in enumerate(first)
        for seed in range(10)
    ]
    shown = (1, 2, 3, 5, 7, 10, 15)
    ranks = "".join(f"{epoch:6}" for epoch in shown)
    print(f"{'':12}rank correlation with the end, after epoch{'':6}accuracy at the end, quartiles")
    print(f"{'':12}{ranks}{'':6}{'25 %':>7}{'50 %':>7}{'75 %':>7}")
    for name, curves in {"recorded": [one["curve"] for one in first], "simulated": simulated}.items():
        table = np.array(curves)
        end = table[:, -3:].mean(1)
        found = "".join(f"{spearmanr(table[:, epoch - 1], end)[0]:6.2f}" for epoch in shown)
        quartiles = "".join(f"{value:7.3f}" for value in np.quantile(end, (0.25, 0.5, 0.75)))
        print(f"{name:12}{found}{'':6}{quartiles}")
