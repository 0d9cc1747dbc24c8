"""Trials on digits of which most have no label: listed in a table, learnt, resumed and written down."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import prepare
from platform.methods import SECTIONS
from platform.training.errors import TrialError
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import restore, save_checkpoint
from platform.training.trial.unlabelled import refuse_unlabelled

SUPCON = {"name": "supcon", "stages": (-2, -1), "dim": 16}
OTHERS = [name for name, section in SECTIONS.items() if not section.takes_unlabelled]


@pytest.fixture(scope="module")
def partly(noisy_digits, tmp_path_factory):
    """The digits in a table without a label of three in four training images; a third of labels is wrong."""
    folder = tmp_path_factory.mktemp("partly")
    frame = noisy_digits.manifest_frame()[["path", "label", "clean", "split"]]
    for row, path in enumerate(frame["path"]):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noisy_digits.images.image(row)).save(folder / path)
    is_gone = (frame["split"] == "train") & (np.arange(len(frame)) % 4 > 0)
    frame["label"] = frame["label"].mask(is_gone)
    frame.to_csv(folder / "labels.csv", index=False)
    return prepare(DataConfig(source=str(folder / "labels.csv"), unlabelled="use", clean_label="clean"), 8)


def timeless(metrics):
    return {name: value for name, value in metrics.items() if not name.startswith("time/")}


@pytest.mark.parametrize("contrast", ["supcon", "simclr"])
@pytest.mark.parametrize("loss", ["cross_entropy", "balanced_softmax"])
def test_supcon_learns_from_them(loss, contrast, partly, make_config):
    assert 0.7 < partly.unlabelled / len(partly.rows("train")) < 0.8
    config = make_config(method=SUPCON | {"loss": loss, "contrast": contrast}, batch_size=8)
    trainer = Trainer(config, partly)
    history = [trainer.train_epoch() for _ in range(3)]
    assert all(np.isfinite(value) for metrics in history for value in metrics.values())
    assert history[-1]["train/loss_contrast"] < history[0]["train/loss_contrast"]
    assert history[-1]["train/loss_labels"] < history[0]["train/loss_labels"]


def test_metrics_of_labels_are_of_the_labelled_images(partly, make_config):
    """Batches of 8 hold 0 to 5 labelled images: no mean of batch means gives these numbers."""
    trainer = Trainer(make_config(method=SUPCON, batch_size=8), partly)
    metrics = trainer.train_epoch()
    table = trainer.ledger.table()
    labelled = table[table["label"].notna()]
    right = labelled["prediction"] == labelled["label"]
    assert metrics["train/accuracy"] == pytest.approx(right.mean())
    assert metrics["train/memorisation"] == pytest.approx(right.mean())
    assert metrics["train/loss_labels"] == pytest.approx(labelled["mean_loss"].mean())
    wrong = labelled["label"] != labelled["clean"]
    assert wrong.any()
    assert metrics["noise/selection_precision"] == pytest.approx((~wrong).mean())
    assert metrics["noise/memorisation"] == pytest.approx(right[wrong].mean())


def test_the_table_has_no_label_and_no_loss_of_theirs(partly, make_config, tmp_path):
    trainer = Trainer(make_config(method=SUPCON), partly)
    trainer.train_epoch()
    save_checkpoint(tmp_path / "checkpoint", trainer)
    table = pd.read_parquet(tmp_path / "checkpoint" / "samples.parquet")
    is_unlabelled = table["label"].isna()
    assert is_unlabelled.sum() == partly.unlabelled
    assert (table["mean_loss"].isna() == is_unlabelled).all()
    assert table["prediction"].isin(partly.classes).all()
    assert (table["seen"] == 1).all()
    assert (table["dropped"] == 0).all()


def test_without_contrast_they_take_no_part(partly, make_config):
    trainer = Trainer(make_config(method=SUPCON | {"contrast_weight": 0.0}), partly)
    trainer.train_epoch()
    table = trainer.ledger.table()
    assert (table["dropped"] == table["label"].isna()).all()


def test_a_resumed_trial_is_the_same_bit_for_bit(partly, make_config, differences, tmp_path):
    config = make_config(method=SUPCON, batch_size=16, ema={"decay": 0.9})
    whole, stopped = Trainer(config, partly), Trainer(config, partly)
    for trainer in (whole, stopped):
        trainer.train_epoch()
    save_checkpoint(tmp_path / "checkpoint", stopped)
    resumed = Trainer(config, partly)
    restore(tmp_path / "checkpoint", resumed)
    assert timeless(whole.train_epoch()) == timeless(resumed.train_epoch())
    assert differences(whole.state_dict(), resumed.state_dict()) == []
    pd.testing.assert_frame_equal(whole.ledger.table(), resumed.ledger.table(), check_exact=True)


def test_labels_of_the_others_decide_nothing_of_the_unlabelled(partly, make_config):
    """True labels, which some unlabelled images have here, change no weight."""
    assert (partly.clean("train")[partly.given("train") == -1] >= 0).any()
    blind = replace(partly, manifest=partly.manifest.assign(clean=-1))
    trainers = [Trainer(make_config(method=SUPCON), data) for data in (partly, blind)]
    seen = [
        {name: value for name, value in trainer.train_epoch().items() if name.startswith("train/")}
        for trainer in trainers
    ]
    assert seen[0] == seen[1]


@pytest.mark.parametrize("method", OTHERS)
def test_other_methods_say_that_they_need_labels(method, partly, make_config):
    with pytest.raises(TrialError, match=rf"^method.name: {method} cannot learn .*, supcon can\)") as error:
        Trainer(make_config(method={"name": method}, epochs=4), partly)
    assert "data.unlabelled: leave_out" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_stage_that_cannot_is_named(make_config):
    stages = [{"epochs": 1}, {"epochs": 1, "method": {"name": "cross_entropy"}}]
    config = make_config(method=SUPCON, stages=stages)
    with pytest.raises(
        TrialError, match=r"^stages.1.method.name: cross_entropy cannot learn from the 1,200 training images"
    ):
        refuse_unlabelled(config, 1200)
    refuse_unlabelled(config, 0)
    refuse_unlabelled(make_config(method=SUPCON), 1200)
