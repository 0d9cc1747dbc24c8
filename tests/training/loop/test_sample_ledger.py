"""The ledger against plain loops over single samples."""

from collections import Counter, defaultdict
from dataclasses import replace
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
import torch

from platform.methods import SampleOutcome
from platform.training.loop.sample_ledger import SampleLedger

EPOCHS = 4


def outcome(losses, predictions, selected):
    """Its margins are 1 minus the losses: any numbers that can be told from them."""
    losses_MB = torch.tensor(losses, dtype=torch.float32)
    return SampleOutcome(losses_MB, torch.tensor(predictions), 1 - losses_MB, torch.tensor(selected))


@pytest.fixture
def four(noisy_digits):
    """Four training images: the given labels are right, right, wrong, wrong. One image is of val."""
    rows = np.sort(np.concatenate([noisy_digits.rows("train")[:4], noisy_digits.rows("val")[:1]]))
    manifest = noisy_digits.manifest.iloc[rows].reset_index(drop=True)
    train = manifest["split"] == "train"
    manifest.loc[train, "clean"] = [0, 1, 2, 3]
    manifest.loc[train, "label"] = [0, 1, 5, 6]
    return replace(noisy_digits, manifest=manifest, images=noisy_digits.images.take(rows))


def record(ledger, data, predictions, dropped, losses=None):
    """One batch of all training images; ``dropped`` are places in it, of each network."""
    count = len(predictions[0])
    selected = [[place not in each for place in range(count)] for each in dropped]
    rows_B = torch.from_numpy(data.rows("train"))
    ledger.record(rows_B, outcome(losses or [[0.0] * count] * len(predictions), predictions, selected))


def random_epoch(data, networks, generator):
    """The batches of an epoch, the last one smaller: rows in a random order and what came out of each."""
    rows = generator.permutation(data.rows("train"))
    for rows_B in np.array_split(rows, [16, 32, 48, 64, 80]):
        shape = (networks, len(rows_B))
        samples = outcome(
            generator.random(shape), generator.integers(0, 10, shape), generator.random(shape) < 0.7
        )
        yield torch.from_numpy(rows_B), samples


def share(hits, among):
    """|hits & among| / |among|, None where it is not defined."""
    return len(hits & among) / len(among) if among else None


def one_by_one(data, epoch, previous):
    """An epoch's metrics by sets of rows; ``epoch`` and ``previous`` map (network, row) to its outcome."""
    given, clean = data.manifest["label"], data.manifest["clean"]
    known = data.clean_known("train")
    values = defaultdict(list)
    for network in {network for network, _ in epoch}:
        own = {row: result for (m, row), result in epoch.items() if m == network}
        earlier = {row: result for (m, row), result in previous.items() if m == network}
        seen = set(own)
        drops = {row for row in seen if not own[row]["selected"]}
        fits = {row for row in seen if own[row]["prediction"] == given[row]}
        values["train/memorisation"].append(share(fits, seen))
        counts = Counter(own[row]["prediction"] for row in seen)
        shares = [count / len(seen) for count in counts.values()]
        values["train/prediction_entropy"].append(-sum(p * np.log(p) for p in shares) / np.log(10))
        if earlier:
            before = {row for row in earlier if not earlier[row]["selected"]}
            values["train/drop_overlap"].append(share(drops & before, drops | before))
        if known:
            right = {row for row in seen if given[row] == clean[row]}
            corrected = {row for row in seen if own[row]["prediction"] == clean[row]}
            values["noise/selection_precision"].append(share(right, seen - drops))
            values["noise/selection_recall"].append(share(seen - drops, right))
            values["noise/memorisation"].append(share(fits, seen - right))
            values["noise/corrected"].append(share(corrected, seen - right))
    defined = {name: [value for value in each if value is not None] for name, each in values.items()}
    means = {name: sum(each) / len(each) for name, each in defined.items() if each}
    return means | {"train/prediction_entropy": min(values["train/prediction_entropy"])}


@pytest.mark.parametrize("networks", [1, 2])
@pytest.mark.parametrize("clean_known", [True, False])
def test_metrics_equal_plain_loops(networks, clean_known, noisy_digits):
    if not clean_known:
        noisy_digits = replace(noisy_digits, manifest=noisy_digits.manifest.assign(clean=-1))
    ledger = SampleLedger(noisy_digits, networks)
    generator = np.random.default_rng(0)
    previous = {}
    for _ in range(EPOCHS):
        epoch = {}
        for rows_B, samples in random_epoch(noisy_digits, networks, generator):
            ledger.record(rows_B, samples)
            for network in range(networks):
                for place, row in enumerate(rows_B.tolist()):
                    epoch[network, row] = {
                        "prediction": samples.predictions_MB[network, place].item(),
                        "selected": samples.selected_MB[network, place].item(),
                    }
        found = ledger.end_epoch()
        assert found == pytest.approx(one_by_one(noisy_digits, epoch, previous))
        assert ("train/drop_overlap" in found) == bool(previous)
        assert ("noise/corrected" in found) == clean_known
        previous = epoch


def test_metrics_of_a_case_that_one_can_count(four):
    ledger = SampleLedger(four, 2)
    record(ledger, four, [[0, 1, 5, 3], [0, 9, 2, 3]], dropped=[{2}, {0, 2}])
    assert ledger.end_epoch() == pytest.approx(
        {
            "train/memorisation": (3 / 4 + 1 / 4) / 2,
            "noise/selection_precision": (2 / 3 + 1 / 2) / 2,
            "noise/selection_recall": (1 + 1 / 2) / 2,
            "noise/memorisation": (1 / 2 + 0) / 2,
            "noise/corrected": (1 / 2 + 1) / 2,
            "train/prediction_entropy": np.log10(4),
        }
    )
    record(ledger, four, [[0, 1, 5, 6]] * 2, dropped=[{2, 3}, {1}])
    metrics = ledger.end_epoch()
    assert metrics["train/drop_overlap"] == pytest.approx((1 / 2 + 0) / 2)
    assert metrics["noise/memorisation"] == 1
    assert metrics["noise/corrected"] == 0


def test_what_is_not_defined_is_absent(four):
    right = replace(four, manifest=four.manifest.assign(label=four.manifest["clean"]))
    ledger = SampleLedger(right, 1)
    entropy = pytest.approx(np.log10(2) * 1.5)
    for _ in range(2):
        record(ledger, right, [[0, 1, 2, 2]], dropped=[set()])
        assert ledger.end_epoch() == {
            "train/memorisation": 0.75,
            "train/prediction_entropy": entropy,
            "noise/selection_precision": 1,
            "noise/selection_recall": 1,
        }
    record(ledger, right, [[0, 1, 2, 2]], dropped=[{0, 1, 2, 3}])
    assert ledger.end_epoch() == {
        "train/memorisation": 0.75,
        "train/prediction_entropy": entropy,
        "train/drop_overlap": 0,
        "noise/selection_recall": 0,
    }
    assert ledger.end_epoch() == {}, "an epoch in which nothing was recorded"


def test_a_network_without_a_value_does_not_count(four):
    ledger = SampleLedger(four, 2)
    for _ in range(2):
        record(ledger, four, [[0, 1, 2, 3]] * 2, dropped=[set(), {1, 2}])
        metrics = ledger.end_epoch()
    assert metrics["train/drop_overlap"] == 1, "the first network has dropped none in either epoch"


def test_rows_seen_twice_count_as_one_image(four):
    """In one batch and in two; an image is dropped if it was left out every time."""
    once, twice = SampleLedger(four, 1), SampleLedger(four, 1)
    record(once, four, [[0, 1, 5, 3]], dropped=[{1}], losses=[[1.0, 2.0, 3.0, 4.0]])
    a, b, c, d = four.rows("train").tolist()
    selected = [[True, False, True, False, True, True]]
    predictions = [[0, 1, 5, 3, 0, 5]]
    twice.record(
        torch.tensor([a, b, c, d, a, c]), outcome([[1.0, 2.0, 3.0, 4.0, 1.0, 3.0]], predictions, selected)
    )
    twice.record(torch.tensor([d, b]), outcome([[4.0, 2.0]], [[3, 1]], [[True, False]]))
    assert once.end_epoch() == twice.end_epoch()
    columns = ["path", "label", "clean", "mean_loss", "prediction"]
    pd.testing.assert_frame_equal(once.table()[columns], twice.table()[columns])
    assert twice.table()["seen"].tolist() == [2, 2, 2, 2]
    assert twice.table()["dropped"].tolist() == [0, 1, 0, 0.5]


def test_a_row_of_another_split_is_refused(four):
    row = torch.from_numpy(four.rows("val"))
    with pytest.raises((IndexError, RuntimeError)):
        SampleLedger(four, 1).record(row, outcome([[1.0]], [[0]], [[True]]))


def test_the_table_tells_of_each_training_image(four):
    ledger = SampleLedger(four, 2)
    record(ledger, four, [[0, 1, 5, 3], [0, 9, 2, 3]], [{2}, {0, 2}], [[1.0, 2, 3, 4], [3.0, 2, 1, 0]])
    ledger.end_epoch()
    record(ledger, four, [[0, 1, 5, 6], [0, 1, 5, 3]], [{2}, set()], [[0.0, 0, 2, 0], [0.0, 0, 0, 4]])
    table = ledger.table()
    names = four.classes
    train = four.manifest[four.manifest["split"] == "train"]
    expected = pd.DataFrame(
        {
            "path": train["path"].tolist(),
            "label": [names[label] for label in (0, 1, 5, 6)],
            "clean": [names[label] for label in (0, 1, 2, 3)],
            "seen": [2, 2, 2, 2],
            "dropped": [0.25, 0, 0.75, 0],
            "mean_loss": [1.0, 1.0, 1.5, 2.0],
            "mean_margin": [0.0, 0.0, -0.5, -1.0],
            "prediction": [names[0], names[1], names[5], None],
            "dropped_network_1": [0, 0, 2, 0],
            "mean_loss_network_1": [0.5, 1.0, 2.5, 2.0],
            "mean_margin_network_1": [0.5, 0.0, -1.5, -1.0],
            "prediction_network_1": [names[label] for label in (0, 1, 5, 6)],
            "dropped_network_2": [1, 0, 1, 0],
            "mean_loss_network_2": [1.5, 1.0, 0.5, 2.0],
            "mean_margin_network_2": [-0.5, 0.0, 0.5, -1.0],
            "prediction_network_2": [names[label] for label in (0, 1, 5, 3)],
        }
    )
    pd.testing.assert_frame_equal(table[expected.columns], expected, check_dtype=False)
    assert len(table.columns) == len(expected.columns)


def test_the_table_of_one_network_has_its_numbers_once(four):
    ledger = SampleLedger(four, 1)
    record(ledger, four, [[0, 1, 5, 3]], dropped=[set()])
    names = ["path", "label", "clean", "seen", "dropped", "mean_loss", "mean_margin", "prediction"]
    assert [*ledger.table()] == names


def test_what_is_not_known_is_null_and_stays_so_in_a_file(four, tmp_path):
    unknown = replace(four, manifest=four.manifest.assign(clean=-1))
    ledger = SampleLedger(unknown, 2)
    rows_B = torch.from_numpy(unknown.rows("train"))[:1]
    ledger.record(rows_B, outcome([[1.0], [2.0]], [[3], [3]], [[True], [False]]))
    ledger.table().to_parquet(tmp_path / "samples.parquet", index=False)
    table = pd.read_parquet(tmp_path / "samples.parquet")
    assert table["clean"].isna().all()
    assert table["seen"].tolist() == [1, 0, 0, 0]
    for column in ("dropped", "mean_loss", "mean_margin", "prediction", "mean_margin_network_2"):
        assert table[column].isna().tolist() == [False, True, True, True], column


@pytest.mark.parametrize("networks", [1, 2])
def test_a_restored_ledger_goes_on_bit_for_bit(networks, noisy_digits):
    whole, stopped = SampleLedger(noisy_digits, networks), SampleLedger(noisy_digits, networks)
    generators = [np.random.default_rng(0), np.random.default_rng(0)]
    for _ in range(2):
        for ledger, generator in zip((whole, stopped), generators, strict=True):
            for batch in random_epoch(noisy_digits, networks, generator):
                ledger.record(*batch)
            ledger.end_epoch()
    file = BytesIO()
    torch.save(stopped.state_dict(), file)
    file.seek(0)
    resumed = SampleLedger(noisy_digits, networks)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    pd.testing.assert_frame_equal(whole.table(), resumed.table(), check_exact=True)
    for _ in range(2):
        metrics = []
        for ledger, generator in zip((whole, resumed), generators, strict=True):
            for batch in random_epoch(noisy_digits, networks, generator):
                ledger.record(*batch)
            metrics.append(ledger.end_epoch())
        assert metrics[0] == metrics[1]
        assert "train/drop_overlap" in metrics[0]
    pd.testing.assert_frame_equal(whole.table(), resumed.table(), check_exact=True)
    for (name, value), again in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(value, again), name


def test_a_ledger_of_other_images_or_networks_is_refused(four, noisy_digits):
    for other in (SampleLedger(four, 1), SampleLedger(noisy_digits, 2)):
        with pytest.raises(RuntimeError, match="size mismatch"):
            SampleLedger(noisy_digits, 1).load_state_dict(other.state_dict())


def test_true_labels_are_not_in_a_checkpoint(noisy_digits):
    assert not [name for name in SampleLedger(noisy_digits, 1).state_dict() if "clean" in name]


def test_a_trial_begun_before_there_were_margins_goes_on_without(four):
    state = SampleLedger(four, 1).state_dict()
    del state["margins_MN"]
    ledger = SampleLedger(four, 1)
    ledger.load_state_dict(state)
    record(ledger, four, [[0, 1, 5, 3]], dropped=[set()])
    assert ledger.table()["mean_margin"].isna().all()
    assert ledger.table()["mean_loss"].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        ([[3, 3, 3, 3]], 0.0),
        ([[0, 1, 2, 3]], np.log(4) / np.log(10)),
        ([[3] * 4, [0, 0, 1, 1]], 0.0),
        ([[0, 1, 2, 3], [0, 0, 1, 1]], np.log10(2)),
    ],
)
def test_prediction_entropy_goes_to_zero_with_one_class_for_all(predictions, expected, four):
    ledger = SampleLedger(four, len(predictions))
    record(ledger, four, predictions, [()] * len(predictions))
    assert ledger.end_epoch()["train/prediction_entropy"] == pytest.approx(expected, abs=1e-6)
