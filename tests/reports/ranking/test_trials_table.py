import math
from dataclasses import replace

from reports.ranking.trials_table import at_epoch, seconds, trials_table


def test_metrics_are_those_of_the_best_epoch_and_of_the_last_for_the_unranked(make_contents):
    contents = make_contents()
    table = trials_table(contents.sweep, contents.ranking, "val/accuracy").set_index("trial")
    assert len(table) == 12
    for one in contents.ranking:
        row = table.loc[one.trial.trial_id]
        assert row["rank"] == one.rank
        assert row["val/accuracy"] == row["val/accuracy best"] == one.best
        assert row["train/drop_rate"] == at_epoch(one.trial, "train/drop_rate", one.best_epoch)
    failed = table[table["outcome"] == "failed"]
    assert failed["rank"].isna().all()
    assert (failed["epoch"] == 4).all()
    assert failed["val/accuracy"].notna().all()
    assert failed["val/accuracy best"].isna().all()


def test_ranks_stay_whole_numbers_beside_trials_without_one(make_contents):
    contents = make_contents()
    text = trials_table(contents.sweep, contents.ranking, "val/accuracy").to_csv(index=False)
    assert text.splitlines()[1].startswith("1,")
    assert text.splitlines()[-1].startswith(",")


def test_parameters_are_written_as_the_yaml_writes_them(make_contents):
    contents = make_contents()
    table = trials_table(contents.sweep, contents.ranking, "val/accuracy").set_index("trial")
    assert table.loc["0000", "parameter ema"] == "true"
    assert table.loc["0001", "parameter ema"] == "false"


def test_parameters_that_are_numbers_are_numbers_with_all_their_digits(make_contents):
    contents = make_contents()
    table = trials_table(contents.sweep, contents.ranking, "val/accuracy").set_index("trial")
    for one in contents.ranking:
        assert table.loc[one.trial.trial_id, "parameter optim.lr"] == one.trial.searched["optim.lr"]
    assert table["parameter optim.lr"].dtype == "Float64"


def test_the_time_of_a_trial_without_an_end_is_not_known(make_contents):
    trial = make_contents().sweep.trials[0]
    assert seconds(trial) == 6.0
    assert math.isnan(seconds(replace(trial, ended_ms=None)))


def test_a_clock_that_was_set_back_makes_no_negative_time(make_contents):
    trial = make_contents().sweep.trials[0]
    back = replace(
        trial, ended_ms=trial.started_ms - 3_600_000, history={"time/epoch_s": [(1, 2.0), (2, 2.5)]}
    )
    assert seconds(back) == 4.5
    assert seconds(replace(back, history={})) == 0
