"""Every method on the same data, with the same network, recipe, epochs and number of samples of its settings.

    python -m tests.benchmarks.methods ../shared/data [--case worse] [--method gce] [--out runs/methods]

Each method's settings are chosen among random samples of its own ranges by noisy validation labels; the
best are trained with further seeds and scored on true test labels. The table shows the accuracy in the epoch
that is best on noisy validation labels, in the last epoch, as the mean of the last three, the share of wrong
labels that the network has learnt at the end, and training time against cross-entropy. ``--page FILE.md``
writes the tables. Killed, the same command goes on.

Methods are compared with cross-entropy by the two-sided Welch test of the best epochs' accuracies: ``*``
marks a difference with p < 0.05. The last line is the mean of all methods' probabilities: one run of each.

Data: cifar10n.zip and birds.zip in the folder; without a folder only the embedded digits.
"""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from scipy.stats import ttest_ind

from .figures import benchmark_parser, check_possible
from .method_cases import CASES, Case
from .method_runs import Budget, KeptRun, Recorder, case_data, method_spaces

BASELINE = "cross_entropy"
HEADINGS = (
    "method", "best epoch", "last epoch", "mean of last 3", "wrong labels learnt", "time", "settings",
)  # fmt: skip
SMALLEST_IMAGES, SMALLEST_EPOCHS = 200, 6
P_VALUE = 0.05


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="folder of cifar10n.zip and birds.zip")
    parser.add_argument("--case", action="append", choices=list(CASES), help="default: all that have data")
    parser.add_argument("--method", action="append", choices=list(method_spaces()), help="default: all")
    parser.add_argument("--samples", type=int, default=4, help="of each method's settings (default: 4)")
    parser.add_argument("--seeds", type=int, default=3, help="final runs of each method (default: 3)")
    parser.add_argument("--epochs", type=int, help="default: the case's own")
    parser.add_argument("--out", type=Path, default=Path("runs/methods"), help="folder of the kept runs")
    parser.add_argument("--page", type=Path, help="also write the tables here, as Markdown")
    options = parser.parse_args(arguments)
    folder = options.folder or Path()
    methods = list(dict.fromkeys([BASELINE, *(options.method or method_spaces())]))
    if options.smallest:
        with tempfile.TemporaryDirectory() as out:
            budget = Budget(1, 2, SMALLEST_EPOCHS)
            recorder = Recorder(folder, Path(out), budget, SMALLEST_IMAGES)
            print(tables(recorder, ["digits"], [BASELINE, "gce"]))
        return 0
    cases = options.case or [name for name, case in CASES.items() if case.file is None or options.folder]
    recorder = Recorder(folder, options.out, Budget(options.samples, options.seeds, options.epochs))
    text = tables(recorder, cases, methods)
    print(text)
    if options.page:
        options.page.write_text(text, encoding="utf-8")
    return 0


def tables(recorder: Recorder, cases: Sequence[str], methods: list[str]) -> str:
    return "\n".join(_table(recorder, CASES[name], methods) for name in cases)


def _table(recorder: Recorder, case: Case, methods: list[str]) -> str:
    runs: dict[str, list[KeptRun]] = defaultdict(list)
    for run in recorder.record(case, methods):
        runs[run.method].append(run)
        print(f"{case.name}: {run.method}, seed {run.seed}: {best(run):.4f}", file=sys.stderr)
    for method, own in runs.items():
        check_possible({f"{method}, accuracy on {case.name}": min(map(best, own))})
    data = case_data(case.name, recorder.folder, recorder.max_images)
    labels_N = data.evaluation_labels("test")
    wrong = float((data.given("train") != data.clean("train")).mean())
    rows = [row(method, own, runs[BASELINE]) for method, own in runs.items()]
    together = [
        float((np.mean([one.test_NC for one in same_seed], axis=0).argmax(1) == labels_N).mean())
        for same_seed in zip(*runs.values(), strict=True)
    ]
    rows.append(("mean of all methods", shown(together), "", "", "", "", ""))
    images = len(data.rows("train"))
    head = (
        f"### {case.name}: {images:,} training images, {wrong:.0%} of the labels wrong, "
        f"{len(data.classes)} classes, {len(labels_N):,} test images\n"
    )
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *rows]
    return head + "\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def best(run: KeptRun) -> float:
    return float(run.epochs["test"][run.best_epoch])


def row(method: str, runs: Sequence[KeptRun], baseline: Sequence[KeptRun]) -> tuple[str, ...]:
    values = [best(run) for run in runs]
    differs = (
        method != BASELINE
        and len(runs) > 1
        and float(ttest_ind(values, [best(run) for run in baseline], equal_var=False).pvalue) < P_VALUE
    )
    learnt = [float(run.epochs["noise/memorisation"][-1]) for run in runs]
    return (
        method,
        shown(values) + (" *" if differs else ""),
        shown([float(run.epochs["test"][-1]) for run in runs]),
        shown([float(run.epochs["test"][-3:].mean()) for run in runs]),
        shown(learnt),
        f"{mean(run.seconds for run in runs) / mean(run.seconds for run in baseline):.1f}",
        described(runs[0].settings),
    )


def shown(values: Sequence[float]) -> str:
    return f"{mean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")


def described(settings: Mapping[str, Mapping[str, object]]) -> str:
    """The chosen numbers, without names of sections and what is switched off."""
    found = {**settings["method"], "optim": settings["optim"]["name"], "lr": settings["optim"]["lr"]}
    numbers = {
        name: f"{value:.3g}" if isinstance(value, float) else str(value)
        for name, value in found.items()
        if name != "name" and value not in (None, False, 0)
    }
    return ", ".join(f"{name} {value}" for name, value in numbers.items())


if __name__ == "__main__":
    sys.exit(main())
