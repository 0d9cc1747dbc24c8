"""What the best trial of a round's sweep reached on validation and test, from what the sweep's report kept.

Shapes: N validation images, C classes.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from platform.config.errors import UserError
from platform.datasets.arrays import Ints
from platform.datasets.preparation.class_codes import UNKNOWN
from platform.rounds.data.base import held_out_digests
from platform.rounds.ledger.records import Reached
from platform.storage.whole_files import npz, read_npz, write_whole
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.stopping.balance import read_balance

if TYPE_CHECKING:
    import pandas as pd

    from platform.storage.folder import Folder
    from reports.ranking.rank import RankedTrial
    from reports.sweeps.inputs import Inputs

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """``values_N``: the sweep's metric on each validation image, larger is better, in the order of paths."""

    reached: Reached
    values_N: Values


def measure(run_folder: Path, seconds: float, *, test_is_void: bool) -> Measured:
    """Measure the best trial of a finished sweep.

    Args:
        seconds: what the sweep took.
        test_is_void: whether the sweep learnt from test images, so that there is no test split any more.

    Raises:
        UserError: the folder is not a sweep's, or no ranked trial has a checkpoint.
    """
    from reports.build.build import ranked_trials
    from reports.evaluation.checkpoints import checkpoint_digest
    from reports.ranking.paired_bootstrap import SAMPLE_METRICS
    from reports.sweeps.inputs import read_inputs

    inputs = read_inputs(run_folder, None)
    ranking, _ = ranked_trials(inputs)
    ranked, checkpoint = _best(inputs, ranking)
    digest = checkpoint_digest(checkpoint.fetched())
    predicted_NC = _predicted(inputs, checkpoint, digest)
    given_N, clean_N = _labels(inputs, checkpoint)
    selecting_N = clean_N if inputs.data_config.val_label == "clean" else given_N
    metric = inputs.identity.goals[0].metric
    values_N = SAMPLE_METRICS[metric.rpartition("/")[2]](predicted_NC, selecting_N)
    answers_N = predicted_NC.argmax(axis=1)
    reached = Reached(
        sweep=inputs.folder.name,
        trial=ranked.trial.trial_id,
        metric=metric,
        value=float(-values_N.mean() if metric == "val/loss" else values_N.mean()),
        accuracy=float((answers_N == given_N).mean()),
        clean=None if (clean_N == UNKNOWN).any() else float((answers_N == clean_N).mean()),
        images=len(given_N),
        test=None,
        test_labels="void" if test_is_void else None,
        seconds=round(seconds, 1),
        report=_page(inputs.folder),
        run_id=inputs.identity.parent_run_id,
        held_out=held_out_digests(_manifest(inputs, ["path", "label", "clean"])),
    )
    return Measured(_with_test(_with_costs(reached, inputs), inputs, digest), values_N)


def _with_costs(reached: Reached, inputs: "Inputs") -> Reached:
    balance = read_balance(inputs.folder)
    return replace(
        reached,
        trials=len(inputs.sweep.trials) + len(inputs.repeats),
        failed=sum(one.outcome == "failed" for one in inputs.sweep.trials),
        epochs=balance.spent.epochs if balance else 0,
        gpu_seconds=round(balance.spent.gpu_seconds, 1) if balance else 0.0,
    )


def _with_test(reached: Reached, inputs: "Inputs", digest: str) -> Reached:
    """With the test accuracy as the sweep's report scored it once; nothing is scored here."""
    from reports.evaluation.finalists import kept_score

    scored = kept_score(inputs.folder.report, digest, inputs.identity.data_digest)
    if scored is None or "accuracy" not in scored:
        return reached
    rows = _manifest(inputs, ["clean"], "test")
    return replace(
        reached,
        test=scored["accuracy"],
        test_labels="clean" if rows["clean"].notna().all() else "given",
    )


def _best(inputs: "Inputs", ranking: "list[RankedTrial]") -> "tuple[RankedTrial, Folder]":
    """The best ranked trial that still has a checkpoint."""
    from reports.evaluation.checkpoints import ReportError, find_checkpoint

    problem = "no trial succeeded"
    for ranked in ranking:
        try:
            return ranked, find_checkpoint(inputs.trials, ranked.trial, inputs.metric, inputs.mode)
        except ReportError as error:
            problem = str(error)
    raise UserError(f"{inputs.folder.path}: no trial can be compared: {problem}")


def _predicted(inputs: "Inputs", checkpoint: "Folder", digest: str) -> npt.NDArray[np.float32]:
    """[N, C]; the report kept it, else the images are decoded and predicted once more."""
    from reports.evaluation.predictions import kept_plain, kept_prediction

    if (kept := kept_plain(inputs.folder.path, digest)) is not None:
        return kept.mean_NC
    from platform.datasets.preparation.prepare import prepare

    data = prepare(inputs.data_config, inputs.image_size)
    return kept_prediction(checkpoint, digest, data, inputs.folder.path).mean_NC


def _labels(inputs: "Inputs", checkpoint: "Folder") -> tuple[Ints, Ints]:
    """Given and true labels of validation as codes of the checkpoint's classes, -1 where unknown."""
    from platform.training.checkpoints.description import read_description

    classes = read_description(checkpoint)["classes"]
    rows = _manifest(inputs, ["label", "clean"], "val")
    codes = {name: code for code, name in enumerate(classes)}
    given_N, clean_N = (
        np.array([codes.get(name, UNKNOWN) for name in rows[column]], dtype=np.int64)
        for column in ("label", "clean")
    )
    return given_N, clean_N


def _manifest(inputs: "Inputs", columns: list[str], split: str | None = None) -> "pd.DataFrame":
    import pandas as pd

    table = pd.read_parquet(inputs.manifest, columns=[*columns, "split"])
    return table if split is None else table[table["split"] == split]


def _page(folder: SweepFolder) -> str | None:
    page = folder.report / "index.html"
    return str(page) if page.exists() else None


def write_values(file: Path, values_N: Values) -> None:
    """Keep the values by image, by which later rounds are compared with this one."""
    write_whole(file, npz({"values_N": values_N}))


def kept_values(file: Path) -> Values:
    """What :func:`write_values` kept; raises UserError where it is gone."""
    arrays = read_npz(file)
    if arrays is None or "values_N" not in arrays:
        raise UserError(f"{file}: is gone or broken: take the round back with --undo")
    return np.asarray(arrays["values_N"], dtype=np.float64)
