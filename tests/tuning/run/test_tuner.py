"""A resumed sweep as Tune is asked to run it: a study on disk, the real searcher, Ray's own scheduler."""

import pytest
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from platform.config.load import load_space
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.run.plan import make_plan
from platform.tuning.run.tuner import Work, search_phase
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

SPACE = """
epochs: 3
model: {backbone: resnet10t}
method: {name: cross_entropy}
optim: {lr: {loguniform: [1.0e-3, 1.0e-1]}}
search: {trials: 12, sampler: {name: random}, scheduler: SCHEDULER}
"""


@pytest.mark.parametrize("more", ["", ", min_time_slice: 1"])
def test_a_sweep_whose_trials_were_side_by_side_goes_on_with_the_median(tmp_path, more):
    scheduler = f"{{name: median, grace_period: 1, min_samples_required: 2{more}}}"
    (tmp_path / "space.yaml").write_text(SPACE.replace("SCHEDULER", scheduler))
    loaded = load_space(tmp_path / "space.yaml", SweepConfig, fixed=SWEEP_FIELDS)
    folder = SweepFolder(tmp_path)
    search = SpaceSearch(loaded, folder)
    for number in range(8):
        search.suggest(f"t{number}")
    for epoch in (1, 2, 3):
        for number in range(8):  # each is told of before any has done the next epoch: the last is the worst
            result = {"val/accuracy": 0.9 - 0.1 * number, "epoch": epoch, "finished": epoch == 3}
            tell = search.on_trial_complete if epoch == 3 else search.on_trial_result
            tell(f"t{number}", result=result)
    plan = make_plan(loaded, "sweep", out=tmp_path)
    resumed = SpaceSearch(loaded, folder, resumes=True)
    phase = search_phase(Work(loaded, plan, folder, None, None), resumed)
    assert [(one.number, one.outcome) for one in phase.past] == [(number, "finished") for number in range(8)]
    worse, better = (Trial("trial", config={"number": number}, stub=True) for number in (8, 9))
    decisions = [
        phase.scheduler.on_trial_result(None, one, {"val/accuracy": value, "epoch": 1})
        for one, value in ((worse, 0.3), (better, 0.95))
    ]
    assert decisions == [TrialScheduler.STOP, TrialScheduler.CONTINUE]
