"""The description of a sweep's run, as MLflow's page renders it."""

from platform.tracking.note import note
from platform.tracking.records import TrialRecord, WriterState

STATE = WriterState("sqlite:///mlflow.db", "digits", "7", "parent", "night")


def test_the_report_and_the_best_trials_are_linked():
    best = [(TrialRecord("run-3", "0003", 1, "finished", {}, {}), 0.81234)]
    lines = note(STATE, "val/accuracy", best, ["failed: out of memory: 3 of 3 with batch_size >= 256"]).split(
        "\n"
    )
    assert lines[0].startswith(
        "[Report](#/experiments/7/runs/parent/artifacts/report/index.html) · [Compare the"
    )
    assert lines[4] == "| [0003](#/experiments/7/runs/run-3) | 0.8123 |"
    assert lines[-1] == r"- failed: out of memory: 3 of 3 with batch\_size \>= 256"


def test_what_a_trial_said_is_no_markup():
    words = note(STATE, "val/loss", [], ["[x](javascript:1) <img src=x> `a` *b*"])
    assert words.split("\n")[-1] == r"- \[x\]\(javascript:1\) \<img src=x\> \`a\` \*b\*"
