"""One sweep from a checked space to its last trial: data, MLflow, Ray Tune, and what became of it."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ray
from ray import tune
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from platform.config.document import write_yaml
from platform.config.load import LoadedSpace
from platform.datasets.data import Data
from platform.datasets.prepare import prepare, save_bad_images, save_manifest
from platform.datasets.ray_decode import decode_with_ray
from platform.models.build import check_builds
from platform.tracking.environment import code_version
from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.tracking_config import resolve_uri
from platform.tracking.writer import SweepWriter
from platform.tuning.cluster import TrialResources, join
from platform.tuning.failure import words_of
from platform.tuning.interrupt import graceful_interrupt
from platform.tuning.plan import Plan, as_text, make_plan
from platform.tuning.progress import ProgressCallback
from platform.tuning.quiet import chatter_to, quiet_settings
from platform.tuning.searcher import SpaceSearch
from platform.tuning.sweep_config import AshaScheduler, SweepConfig
from platform.tuning.sweep_folder import SweepFolder, SweepIdentity
from platform.tuning.tracking_callback import TrackingCallback, flatten, is_below, label, open_writer
from platform.tuning.trainable import TrialTrainable

Say = Callable[[str], None]


@dataclass(frozen=True)
class SweepEnd:
    """What became of a sweep: trials that ended with a result, causes of those that failed."""

    succeeded: int
    failures: list[str]
    is_interrupted: bool


def run_sweep(
    loaded: LoadedSpace[SweepConfig], folder: SweepFolder, *, address: str | None, say: Say
) -> SweepEnd:
    """Run a new sweep in ``folder``; a mistake of the user's found before its first trial leaves nothing."""
    plan = make_plan(loaded, folder.name)
    _check_models(loaded, len(plan.data.classes))
    quiet_settings()
    with chatter_to(folder.logs):
        try:
            resources = join(address, plan.config.resources, plan.trials)
            data = _prepare(plan, folder, say)
            _open(loaded, plan, folder, data, resources)
        except BaseException:
            ray.shutdown()
            shutil.rmtree(folder.path)
            raise
        tuner = tune.Tuner(
            _trainable(data, resources),
            tune_config=_tune_config(loaded, plan, folder, resources),
            run_config=_run_config(plan, folder),
        )
        return _fit(tuner, folder)


def resume_sweep(
    loaded: LoadedSpace[SweepConfig], folder: SweepFolder, *, address: str | None, say: Say
) -> SweepEnd:
    """Go on with the sweep in ``folder``: its unfinished trials from their last epoch, then the rest."""
    plan = make_plan(loaded, folder.name)
    quiet_settings()
    with chatter_to(folder.logs):
        resources = join(address, plan.config.resources, plan.trials)
        data = _prepare(plan, folder, say)
        tuner = tune.Tuner.restore(str(folder.trials.absolute()), _trainable(data, resources))
        return _fit(tuner, folder)


def _check_models(loaded: LoadedSpace[SweepConfig], classes: int) -> None:
    """Build each network of the space, without weights, at each of its image sizes."""
    corners = loaded.corners()
    distinct = {
        (model.model_dump_json(), corner.image_size): model for corner in corners for model in corner.models
    }
    for (_, image_size), model in distinct.items():
        check_builds(model, classes, image_size)


def _fit(tuner: tune.Tuner, folder: SweepFolder) -> SweepEnd:
    with graceful_interrupt() as interrupt:
        results = tuner.fit()
    ray.shutdown()
    ended = [results[index] for index in range(len(results))]
    failures = [words_of(result.error) for result in ended if result.error]
    succeeded = sum(result.error is None and bool(result.metrics) for result in ended)
    outcome = "interrupted" if interrupt.is_set else "finished" if succeeded else "failed"
    open_writer(folder).finish(outcome)  # type: ignore[arg-type]
    return SweepEnd(succeeded, failures, interrupt.is_set)


def _prepare(plan: Plan, folder: SweepFolder, say: Say) -> Data:
    say(f"decoding {plan.config.data.source}")
    data = prepare(plan.config.data, plan.largest_image, decode=decode_with_ray)
    save_manifest(data, folder.manifest)
    if data.bad:
        save_bad_images(data, folder.bad_images)
        first = f"the first {data.bad[0].path}: {data.bad[0].reason}"
        say(f"left out {len(data.bad)} images that cannot be decoded, {first}; all: {folder.bad_images}")
    return data


def _open(
    loaded: LoadedSpace[SweepConfig],
    plan: Plan,
    folder: SweepFolder,
    data: Data,
    resources: TrialResources,
) -> None:
    """Write the sweep's folder and its parent run."""
    config = plan.config
    experiment = config.name or folder.name
    write_yaml(loaded.document.tree, folder.space)
    writer = SweepWriter.open(resolve_uri(config.tracking), experiment, folder.name)
    state = writer.state
    command = " ".join(["python -m platform.search", *sys.argv[1:]])
    folder.write_record(
        SweepIdentity(
            name=folder.name,
            experiment=experiment,
            experiment_id=state.experiment_id,
            metric=config.search.metric,
            mode=config.search.direction,
            top=config.report.top,
            seed=config.seed,
            tracking_uri=state.uri,
            parent_run_id=state.parent_run_id,
            data_digest=data.digest,
            command=command,
            git_commit=code_version().commit,
        )
    )
    searched = {parameter.path: None for parameter in plan.parameters}
    flat = flatten(config.model_dump(mode="json"))
    writer.log_sweep(
        SweepDescription(
            space_yaml=folder.space.read_text(encoding="utf-8"),
            plan=as_text(plan, resources.concurrency),
            constants={name: value for name, value in flat.items() if not is_below(name, searched)},
            seed=config.seed,
            data=DatasetRecord(
                name=Path(config.data.source).stem,
                source=config.data.source,
                digest=data.digest,
                rows={split: len(data.rows(split)) for split in ("train", "val", "test")},
                classes=data.classes,
            ),
            command=command,
        )
    )


def _trainable(data: Data, resources: TrialResources) -> type[tune.Trainable]:
    trainable: type[tune.Trainable] = tune.with_resources(
        tune.with_parameters(TrialTrainable, data=data, threads=resources.cpus),
        {"cpu": resources.cpus, "gpu": resources.gpus},
    )
    return trainable


def _tune_config(
    loaded: LoadedSpace[SweepConfig], plan: Plan, folder: SweepFolder, resources: TrialResources
) -> tune.TuneConfig:
    return tune.TuneConfig(
        search_alg=SpaceSearch(loaded, study_name=folder.name),
        scheduler=_scheduler(plan),
        num_samples=plan.trials,
        max_concurrent_trials=resources.concurrency,
        time_budget_s=plan.config.search.budget_s,
        reuse_actors=True,
        trial_name_creator=label,
        trial_dirname_creator=label,
    )


def _scheduler(plan: Plan) -> TrialScheduler:
    search = plan.config.search
    if not isinstance(search.scheduler, AshaScheduler):
        return FIFOScheduler()
    return AsyncHyperBandScheduler(
        time_attr="training_iteration",
        metric=search.metric,
        mode=search.direction,
        max_t=plan.epochs_a_trial,
        grace_period=search.scheduler.grace_period,
        reduction_factor=search.scheduler.reduction_factor,
    )


def _run_config(plan: Plan, folder: SweepFolder) -> tune.RunConfig:
    search = plan.config.search
    return tune.RunConfig(
        name=folder.trials.name,
        storage_path=str(folder.path.absolute()),
        checkpoint_config=tune.CheckpointConfig(
            num_to_keep=plan.config.storage.keep_checkpoints,
            checkpoint_score_attribute=search.metric,
            checkpoint_score_order=search.direction,
            checkpoint_frequency=1,
        ),
        callbacks=[
            TrackingCallback(folder),
            ProgressCallback(search.metric, search.direction, plan.trials),
        ],
        verbose=0,
    )
