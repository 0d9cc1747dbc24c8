"""A sweep written to a real SQLite store, as the driver would write it."""

import pytest

from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.writer import SweepWriter


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory):
    """One database with MLflow's tables: making them takes a second, copying them a millisecond."""
    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    SweepWriter.open(f"sqlite:///{path}", "unused", "unused").finish("finished")
    return path


@pytest.fixture
def uri(tmp_path, _migrated):
    (tmp_path / "mlflow.db").write_bytes(_migrated.read_bytes())
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def description():
    data = DatasetRecord("digits", "digits", "d" * 64, {"train": 1000, "val": 300}, ["zero", "one"])
    constants = {"epochs": 3, "optim.name": "sgd", "peer_model": None, "ema": True}
    return SweepDescription(
        "epochs: 3\n", "4 trials\n", constants, 7, data, "python -m platform.search a.yaml"
    )


@pytest.fixture
def write_trial():
    """Writes one whole trial: three epochs of two metrics, then its outcome."""

    def write(writer, trial_id, outcome="finished", *, drop_rate=0.3, epochs=3, **ending):
        writer.start_trial(
            trial_id,
            searched={"method.drop_rate": drop_rate, "method.rank_by": "loss"},
            constants={"epochs": 3},
            config={
                "epochs": 3,
                "method": {"name": "peer", "drop_rate": drop_rate, "rank_by": "loss"},
                "model": {"backbone": "resnet10t"},
            },
        )
        for epoch in range(1, epochs + 1):
            writer.report(trial_id, epoch, {"train/loss": 1 / epoch, "val/accuracy": 0.1 * epoch})
        writer.finish_trial(trial_id, outcome, **ending)

    return write
