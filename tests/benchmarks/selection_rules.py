"""Which measure picks the best model where validation labels are noisy: over the runs that ``methods`` kept.

    python -m tests.benchmarks.selection_rules ../shared/data [--runs runs/methods] [--of 12] [--smallest]

All kept runs of a case, of every method, are the candidates, each in its own best epoch. As often as
``--repeats`` says, ``--of`` of them are drawn; each measure sees their predictions of the validation images
and the given labels, and picks one. The table shows how often the pick is the best by accuracy on true test
labels, how far below the best it is on average, the gain over accuracy on the given labels with the standard
error of the paired differences, and Kendall's tau with the test accuracies.

Calibration: the expected calibration error on true test labels, mean over the runs, with the temperature
that fits the given validation labels, the one that the report fits (under the noise that the runs' mean
prediction shows, where it is sure), and the one that fits the true labels; once more with the true labels in
place of the given ones, where nothing may be lost.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.table import Table
from scipy.stats import kendalltau

from platform.datasets.arrays import Ints
from platform.training.evaluation.classification import expected_calibration_error
from reports.ensembles.rules import logits_of, probabilities_of
from reports.ensembles.temperature import temperature
from reports.ranking.noisy_selection import (
    agreement,
    believed_accuracy,
    corrected_accuracy,
    estimated_noise,
    noisy_likelihood,
)

from .figures import benchmark_parser, check_possible
from .method_cases import CASES
from .method_runs import Budget, KeptRun, Recorder, case_data, read

GIVEN = "accuracy on given labels"
SMALLEST_IMAGES, SMALLEST_EPOCHS = 200, 4
Floats = npt.NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="folder of the data's files")
    parser.add_argument("--runs", type=Path, default=Path("runs/methods"), help="what methods --out kept")
    parser.add_argument("--of", type=int, default=12, help="candidates of a repetition (default: 12)")
    parser.add_argument("--repeats", type=int, default=500, help="repetitions (default: 500)")
    options = parser.parse_args(arguments)
    if options.smallest:
        with tempfile.TemporaryDirectory() as out:
            recorder = Recorder(options.folder, Path(out), Budget(2, 1, SMALLEST_EPOCHS), SMALLEST_IMAGES)
            list(recorder.record(CASES["digits"], ["cross_entropy"]))
            show("digits", Path(out), options.folder, 2, 5, SMALLEST_IMAGES)
        return 0
    found = [name for name in CASES if (options.runs / name).is_dir()]
    if not found:
        print(
            f"{options.runs}: holds no runs; python -m tests.benchmarks.methods keeps some", file=sys.stderr
        )
        return 2
    for name in found:
        show(name, options.runs, options.folder, options.of, options.repeats, None)
    return 0


def show(case: str, folder: Path, files: Path, of: int, repeats: int, max_images: int | None) -> None:
    data = case_data(case, files, max_images)
    kept = [read(file) for file in sorted((folder / case).rglob("*.npz"))]
    runs = [run for run in kept if run is not None and len(run.val_NC) == len(data.rows("val"))]
    labels_N, test_N = data.given("val"), data.evaluation_labels("test")
    truth_M = np.array([run.epochs["test"][run.best_epoch] for run in runs])
    table = Table(
        f"{case}: {len(runs)} runs, best of {of}", "picks the best", "below the best", "gain", "tau"
    )
    random = np.random.default_rng(0)
    draws = [random.choice(len(runs), min(of, len(runs)), replace=False) for _ in range(repeats)]
    scored = [measures([runs[i] for i in draw], labels_N) for draw in draws]
    lost = {
        name: np.array(
            [
                truth_M[draw].max() - truth_M[draw][int(np.nanargmax(one[name]))]
                for draw, one in zip(draws, scored, strict=True)
            ]
        )
        for name in scored[0]
    }
    for name, lost_R in lost.items():
        gain_R = lost[GIVEN] - lost_R
        taus = [
            kendalltau(one[name], truth_M[draw]).statistic for draw, one in zip(draws, scored, strict=True)
        ]
        table.add_row(
            name,
            f"{(lost_R == 0).mean():.0%}",
            f"{lost_R.mean():.4f}",
            "" if name == GIVEN else f"{gain_R.mean():+.4f} ± {gain_R.std() / np.sqrt(repeats):.4f}",
            f"{np.nanmean(taus):.2f}",
        )
    Console(width=110).print(table)
    calibration(runs, labels_N, data.clean("val"), test_N)


def measures(runs: Sequence[KeptRun], labels_N: Ints) -> Mapping[str, Floats]:
    """Each measure of the candidates; higher is better."""
    probabilities_MNC = np.stack([run.val_NC for run in runs])
    predictions_MN = probabilities_MNC.argmax(2)
    mean_NC = probabilities_MNC.mean(0)
    noise = estimated_noise(mean_NC, labels_N)
    is_right_MN = predictions_MN == labels_N
    by_class = [is_right_MN[:, labels_N == label].mean(1) for label in np.unique(labels_N)]
    own_MN = np.take_along_axis(probabilities_MNC, labels_N[None, :, None], axis=2)[..., 0]
    return {
        GIVEN: is_right_MN.mean(1),
        "macro accuracy on given labels": np.mean(by_class, axis=0),
        "likelihood of given labels": np.log(np.maximum(own_MN, 1e-7)).mean(1),
        "the same through the noise matrix": noisy_likelihood(probabilities_MNC, labels_N, noise),
        "accuracy corrected by the noise matrix": corrected_accuracy(predictions_MN, labels_N, noise),
        "accuracy on believed labels": believed_accuracy(predictions_MN, labels_N, noise),
        "agreement with the mean": agreement(predictions_MN, mean_NC),
    }


def calibration(runs: Sequence[KeptRun], given_N: Ints, true_N: Ints, test_N: Ints) -> None:
    table = Table(
        "validation labels", "calibration error: as it is", "plain", "as reports", "true labels", "estimate"
    )
    for name, labels_N in (("given", given_N), ("true", true_N)):
        logits = [logits_of(run.val_NC) for run in runs]
        plain = [temperature(own_NC, labels_N) for own_NC in logits]
        tempered = [probabilities_of(own_NC / by) for own_NC, by in zip(logits, plain, strict=True)]
        noise = estimated_noise(np.mean(tempered, axis=0), labels_N)
        transition_CC = noise.transition_CC if noise.is_sure else None
        errors = [
            [
                error(logits_of(run.test_NC) / by, test_N)
                for by in (
                    1.0,
                    of_given,
                    temperature(own_NC, labels_N, transition_CC),
                    temperature(own_NC, true_N),
                )
            ]
            for run, own_NC, of_given in zip(runs, logits, plain, strict=True)
        ]
        means = np.mean(errors, axis=0)
        check_possible({f"calibration error {place}": float(value) for place, value in enumerate(means)})
        said = f"{noise.rate:.0%} wrong" if noise.is_sure else "unsure"
        table.add_row(
            name, *(f"{value:.3f}" for value in means), f"{said} ({(labels_N != true_N).mean():.0%})"
        )
    Console(width=110).print(table)


def error(logits_NC: npt.NDArray[np.floating], labels_N: Ints) -> float:
    probabilities = torch.from_numpy(np.asarray(probabilities_of(logits_NC)))
    is_right_N = (probabilities.argmax(1) == torch.from_numpy(labels_N)).double()
    return expected_calibration_error(probabilities.amax(1), is_right_N)


if __name__ == "__main__":
    sys.exit(main())
