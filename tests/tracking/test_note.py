"""The description of a sweep's run, as MLflow's page renders it."""

from platform.tracking.links import note
from platform.tracking.records import TrialRecord, WriterState

STATE = WriterState("sqlite:///mlflow.db", "digits", "7", "parent", "night")


def test_the_report_and_the_best_trials_are_linked():
    best = [(TrialRecord("run-3", "0003", 1, "finished", {}, {}), (0.81234, 0.5))]
    remarks = ["failed: out of memory: 3 of 3 with batch_size >= 256"]
    lines = note(STATE, ["val/accuracy", "val/ece"], best, remarks).split("\n")
    assert lines[0].startswith(
        "[Report](#/experiments/7/runs/parent/artifacts/report/index.html) · [Compare the"
    )
    assert lines[2:4] == ["| trial | val/accuracy | val/ece |", "| --- | --- | --- |"]
    assert lines[4] == "| [0003](#/experiments/7/runs/run-3) | 0.8123 | 0.5000 |"
    assert lines[-1] == r"- failed: out of memory: 3 of 3 with batch\_size \>= 256"


def test_what_a_trial_said_is_no_markup():
    words = note(STATE, ["val/loss"], [], ["[x](javascript:1) <img src=x> `a` *b*"])
    assert words.split("\n")[-1] == r"- \[x\]\(javascript:1\) \<img src=x\> \`a\` \*b\*"
