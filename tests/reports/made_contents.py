"""A report's contents made of numbers alone, with hostile names all over it."""

import math

from platform.storage.folder import Folder
from platform.tracking.records import SweepRecord, TrialRecord
from reports.ensembles.selection import Ensemble
from reports.ranking.rank import rank_trials
from reports.sweeps.contents import Contents, DataFacts, Ensembles, EvaluatedTrial, TestScore, TestScores
from tests.sweep_records import made_record

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"&{{7*7}}%{x}"
OUTCOMES = ("finished", "pruned", "pruned", "finished", "failed")


def contents_of(trials=12, name="peer", **changes):
    """A report made of numbers alone, with hostile names all over it; ``changes`` replace parts of it."""
    made = [_trial(index) for index in range(trials)]
    sweep = SweepRecord("run", "peer", name, "finished", {}, {"git_dirty": "true"}, made)
    identity = made_record(
        name,
        experiment="peer",
        experiment_id="1",
        parent_run_id="abc",
        seed=7,
        tracking_uri="http://ann:secret@mlflow.example.org",
        command=f"python -m platform.search {HOSTILE}",
        git_commit="c0ffee",
        top=3,
    )
    ranking = rank_trials(made, "val/accuracy", "max")
    rows = {"train": 80, "val": 20}
    scores = [
        _score("best single trial", 0.8),
        _score("vote of 2", 0.85),
        _score("mean probability of 3", 0.84),
    ]
    values = {
        "identity": identity,
        "sweep": sweep,
        "ranking": ranking,
        "space_yaml": f"# {HOSTILE}\nepochs: 3\n",
        "data": DataFacts(HOSTILE, (HOSTILE, "b"), rows, "given", {"train": 0.4, "val": 0.25}),
        "ensembles": _ensembles(ranking) if len(ranking) > 2 else None,
        "test": TestScores(scores, "clean", 1),
        "bad_images": [(f"cats/{HOSTILE}.jpg", f"truncated {HOSTILE}")],
        "notices": [f"Trial 3 was left out: {HOSTILE}"],
        "made_at": "20 November 2026",
    }
    return Contents(**(values | changes))


def _ensembles(ranking):
    gone = Folder.of("/gone")
    evaluated = [EvaluatedTrial(one, gone, f"digest-{one.rank}", _metrics(one.best)) for one in ranking[:3]]
    best = ranking[0].best
    grown = [
        Ensemble("mean_probability", (0, 1), _metrics(best - 0.01)),
        Ensemble("mean_probability", (0, 1, 2), _metrics(best + 0.01)),
        Ensemble("vote", (0, 2), _metrics(best + 0.02)),
        Ensemble("vote", (0, 2, 1), _metrics(best)),
    ]
    return Ensembles(evaluated, grown, [grown[1], grown[2]], grown[2])


def _metrics(accuracy):
    return {
        "val/accuracy": accuracy,
        "val/macro_accuracy": accuracy,
        "val/loss": 1.0,
        "val/ece": 0.1,
        "val/clean_accuracy": accuracy + 0.1,
    }


def _trial(index):
    outcome = OUTCOMES[index % len(OUTCOMES)]
    epochs = 1 if outcome == "pruned" else 4
    level = 0.4 + 0.02 * ((index * 7) % 11)
    curve = [(epoch, level * (1 - math.exp(-epoch))) for epoch in range(1, epochs + 1)]
    history = {
        "val/accuracy": curve,
        "val/clean_accuracy": [(epoch, value + 0.1) for epoch, value in curve],
        "train/agreement": [(epoch, 0.5 + epoch / 20) for epoch, _ in curve],
        "train/drop_rate": [(epoch, 0.1 * epoch) for epoch, _ in curve],
    }
    searched = {
        "optim.lr": 10.0 ** -(1 + index % 4),
        "method.rank_by": ("loss", HOSTILE)[index % 2],
        "ema": index % 3 == 0,
    }
    return TrialRecord(
        run_id=f"run-{index}",
        trial_id=f"{index:04d}",
        attempt=1 + (index == 2),
        outcome=outcome,
        searched=searched,
        config={"method": {"name": "peer"}, "model": {"backbone": ("resnet10t", HOSTILE)[index % 2]}},
        cause=f"TrainingDiverged: {HOSTILE}" if outcome == "failed" else None,
        started_ms=1000,
        ended_ms=1000 + 1500 * epochs,
        history=history,
    )


def _score(name, accuracy):
    values = {"accuracy": accuracy, "macro_accuracy": accuracy, "loss": 0.5, "ece": 0.05}
    return TestScore(name, ("0000", "0003"), values)
