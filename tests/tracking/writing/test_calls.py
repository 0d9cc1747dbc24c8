"""A spool that somebody else made, or that is damaged: one line says which of its lines is no call."""

import json
from dataclasses import fields

import pytest

from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.tracking_config import TrackingError
from platform.tracking.writing.calls import _Data, _Description
from platform.tracking.writing.spool import read_entries

START: dict[str, object] = {"trial_id": "0000", "searched": {}, "constants": {}, "config": {}, "attempt": 1}
END: dict[str, object] = {
    "trial_id": "0000",
    "outcome": "finished",
    "checkpoint": None,
    "checkpoint_last": None,
    "cause": None,
}


def lines(*calls):
    return [
        {"n": n, "at_ms": n, "call": call, "arguments": given} for n, (call, given) in enumerate(calls, 1)
    ]


def read(tmp_path, *records):
    file = tmp_path / "mlflow_spool.jsonl"
    file.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in records))
    return read_entries(file)


def test_calls_in_their_order_are_read(tmp_path):
    calls: list[tuple[str, dict[str, object]]] = [("start_trial", START)]
    calls += [("report", {"trial_id": "0000", "step": 1, "metrics": {"a": 1.5}})]
    calls += [("finish_trial", END), ("finish", {"outcome": "finished"}), ("reopen", {})]
    assert [one.call for one in read(tmp_path, *lines(*calls))] == [call for call, _ in calls]


@pytest.mark.parametrize(("record", "checked"), [(DatasetRecord, _Data), (SweepDescription, _Description)])
def test_every_field_of_a_record_is_one_of_its_call(record, checked):
    assert [one.name for one in fields(record)] == list(checked.model_fields)


@pytest.mark.parametrize(
    ("calls", "why"),
    [
        ([("report", {"trial_id": "0000", "step": 1, "metrics": {}})], "the trial '0000' has not started"),
        ([("start_trial", START | {"trial_id": "../../x"})], "trial_id: String should match"),
        ([("start_trial", START | {"config": []})], "config: Input should be a valid dictionary"),
        ([("start_trial", {})], "trial_id: Field required"),
        ([("finish", {"outcome": "finished", "more": 1})], "more: Extra inputs are not permitted"),
        ([("finish_trial", END | {"outcome": "won"})], "outcome: Input should be"),
        ([("start_trial", START), ("report", {"trial_id": "0000", "step": -1, "metrics": {}})], "step: "),
        (
            [("start_trial", START), ("report", {"trial_id": "0000", "step": 1, "metrics": {"a": "1"}})],
            "metrics.a: Input should be a valid number",
        ),
        (
            [
                ("start_trial", START),
                (
                    "change_space",
                    {
                        "space_yaml": "",
                        "plan": "",
                        "constants": {},
                        "left_out": {},
                        "unfinished": ["0000"],
                    },
                ),
            ],
            "it does not say why '0000' is left out",
        ),
        ([("system", {})], "call: Input should be"),
    ],
)
def test_a_line_that_is_no_call_is_named(calls, why, tmp_path):
    with pytest.raises(TrackingError) as refusal:
        read(tmp_path, *lines(*calls))
    said = str(refusal.value)
    assert said.startswith(f"{tmp_path}/mlflow_spool.jsonl:{len(calls)}: is no call for MLflow ({why}")
    assert said.endswith("; remove the line") and "\n" not in said


@pytest.mark.parametrize(
    "line",
    ["[" * 50_000, '{"n": ' + "9" * 6_000, "[]", "1", '{"n":1,"at_ms":1e400,"call":"finish"}', "\\x00"],
)
def test_what_is_no_json_object_is_refused_too(line, tmp_path):
    with pytest.raises(TrackingError, match=r"jsonl:1: is no call for MLflow"):
        read(tmp_path, line)
