"""The platform from Python: what notebooks and scripts import.

    import platform_api as api      # this module, also where the standard `platform` is loaded already

    print(api.look("photos"))
    space = api.load_space("search_spaces/photos.yaml", data="photos", trials=10)
    sweep = api.run(space)
    api.trials(sweep)               # a DataFrame
    model = api.best(sweep)         # an nn.Module with model.transform and model.classes
    api.predict(sweep, "new_photos")

Each function does what the command of the same purpose does, and raises UserError, with one line, where that
prints the line and exits with code 2. A function that takes a sweep takes what ``run`` returned or the
folder, ``runs/NAME``.
"""

import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from platform.api_arguments import Settings, check_positive, overrides, table_file
from platform.api_results import DataLook, SearchSpace, Sweep, plan_of
from platform.config.errors import UserError
from platform.config.openmp import sleep_while_waiting
from platform.tuning.errors import SweepBroken

if TYPE_CHECKING:
    import pandas as pd

    from platform.config.load import LoadedSpace
    from platform.datasets.images.decode import Progress
    from platform.tuning.folder.sweep_folder import SweepFolder
    from platform.tuning.resume.given_settings import GivenSettings
    from platform.tuning.run.plan import Plan
    from platform.tuning.settings.shortcuts import Shortcuts
    from platform.tuning.settings.sweep_config import SweepConfig
    from reports.build.build import Report
    from reports.deploy.best_network import BestNetwork

RESULTS = ["DataLook", "SearchSpace", "Sweep", "SweepBroken", "UserError"]
__all__ = [*RESULTS, "best", "load_space", "look", "predict", "report", "resume", "run", "trials"]

LOOK_AT = 3000
"""Images that :func:`look` opens at most, unless told otherwise: some ten seconds' worth."""
SHOWN_TRIALS = 10


def look(
    path: str | Path,
    settings: Settings = (),
    *,
    limit: int | None = LOOK_AT,
    sheet: str | Path | None = None,
    progress: "Progress | None" = None,
) -> DataLook:
    """Say what the platform sees in a folder, zip or table, in seconds and without training anything.

    Args:
        settings: settings of the section data, ``{"data.label": "worse"}``.
        limit: how many images are opened, the classes in turn; None: all.
        sheet: a PNG file to draw a contact sheet of the classes in.
        progress: called with the images opened and to open.
    """
    check_positive(limit=limit)
    from platform.datasets.look.look import look as look_at
    from platform.tuning.settings.shortcuts import data_section

    listing, found = look_at(data_section(str(path), overrides(settings)), limit=limit, progress=progress)
    if sheet is not None:
        from platform.datasets.look.contact_sheet import draw_contact_sheet

        try:
            draw_contact_sheet(found, listing).save(sheet)
        except (OSError, ValueError) as error:  # no such folder; a suffix of no format
            raise UserError(f"sheet: {sheet} cannot be written: {error}") from None
    return DataLook(found, listing)


def load_space(
    file: str | Path,
    settings: Settings = (),
    *,
    data: str | Path | None = None,
    trials: int | str | None = None,
    budget: str | None = None,
    quick: bool = False,
) -> SearchSpace:
    """Read and check a search space; every corner of it is built, so that a mistake is found now.

    Args:
        settings: settings or ranges that replace those of the YAML, by their dotted path:
            ``{"optim.lr": {"loguniform": [1e-4, 1e-1]}, "epochs": 20}``.
        data: a folder, zip or table that takes the place of the YAML's whole section data.
        trials, budget: ``search.trials``; ``search.budget`` (time, as in "2h").
        quick: a minute that passes through every part: two trials of two epochs on some of the images.

    Raises ConfigError (a UserError), one line for each mistake, with file, line and column.
    """
    from platform.config.load import load_space as load
    from platform.tuning.settings.shortcuts import overrides_of
    from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

    given = overrides_of(Path(file), overrides(settings), _shortcuts(data, trials, budget, quick=quick))
    loaded = load(Path(file), SweepConfig, overrides=given, fixed=SWEEP_FIELDS)
    return SearchSpace(Path(file), tuple(given), loaded)


def run(
    space: SearchSpace | str | Path,
    name: str | None = None,
    *,
    out: str | Path = "runs",
    address: str | None = None,
) -> Sweep:
    """Run a sweep to its report, and return it; in a notebook a live table shows how far it is.

    Args:
        space: what :func:`load_space` returned, or a YAML.
        name: the sweep's name; the space's own, with -2, -3 … if it is taken, unless given.
        out: the folder of all sweeps.
        address: a Ray cluster; None: Ray on this machine, which is started and stopped again.

    Interrupt it (Ctrl-C, or the notebook's stop button) and it stops within an epoch, keeps what was done,
    and is returned with ``is_interrupted``.

    Raises:
        UserError: the space or the data are wrong, or this is not the process's main thread.
        SweepBroken: no trial succeeded, or a disk was full; :func:`resume` goes on.
    """
    from platform.tuning.folder.which_folder import new_folder
    from platform.tuning.resume.given_settings import given_settings

    space = space if isinstance(space, SearchSpace) else load_space(space)
    _check_place()
    plan = plan_of(space, name, Path(out), address)
    folder = new_folder(Path(out), plan.name, is_given=name is not None)
    plan = replace(plan, name=folder.name)
    given = given_settings(space.file, space.overrides)
    return _carried_out(space.loaded, plan, folder, address, given)


def resume(
    sweep: Sweep | str | Path,
    space: str | Path | None = None,
    settings: Settings = (),
    *,
    data: str | Path | None = None,
    trials: int | None = None,
    budget: str | None = None,
    address: str | None = None,
) -> Sweep:
    """Go on with a sweep that was interrupted or killed, or with more trials, another budget, other ranges.

    Trials that ended are kept, others go on from their last epoch, and the search from what it knew.

    Args:
        space: the YAML as it is now; None: as the sweep knows it (``runs/NAME/space.yaml``).
        settings, data, trials, budget: as of :func:`load_space`.

    Raises UserError, too, for a change that would make trials incomparable.
    """
    from platform.tuning.folder.sweep_folder import SweepFolder
    from platform.tuning.resume.given_settings import space_to_resume
    from platform.tuning.run.plan import make_plan

    folder = SweepFolder(_folder(sweep))
    known = folder.read_record()
    _check_place()
    file = Path(space) if space is not None else folder.space
    shortcuts = _shortcuts(data, trials, budget)
    loaded, given = space_to_resume(folder, file, overrides(settings), shortcuts)
    plan = make_plan(loaded, folder.name, out=folder.path.parent, address=address)
    plan = replace(plan, experiment=known.experiment)
    return _carried_out(loaded, plan, folder, address, given, resumes=True)


def trials(sweep: Sweep | str | Path) -> "pd.DataFrame":
    """A row a trial, the best first: parameters, metrics of its best epoch, how it ended (``trials.csv``).

    The sweep may still run, in another process.
    """
    from reports.build.build import table_of_trials

    return table_of_trials(_folder(sweep))


def report(
    sweep: Sweep | str | Path,
    *,
    top: int | None = None,
    max_members: int | None = None,
    max_latency_ms: float | None = None,
    source: str | None = None,
) -> "Report":
    """Make the report again; ``page`` is its HTML file, ``summary`` its sentences, ``rows()`` its table.

    Args:
        top: how many of the best trials are evaluated. None: as the sweep's YAML says, as for the next two.
        max_members, max_latency_ms: the most members of an ensemble, and milliseconds an image.
        source: where the images are now, if they were moved.
    """
    check_positive(top=top, max_members=max_members, max_latency_ms=max_latency_ms)
    sleep_while_waiting()
    from reports.build.build import build_report

    folder = _folder(sweep)
    return build_report(
        folder, top=top, max_members=max_members, max_latency_ms=max_latency_ms, source=source
    )


def predict(
    sweep: Sweep | str | Path,
    images: str | Path,
    *,
    out: str | Path | None = None,
    layout: str | None = None,
) -> "pd.DataFrame":
    """What won on validation, the ensemble or the best trial, predicts the images of a folder, zip or file.

    Returns the table that is written to ``out`` (``runs/NAME/predictions.csv``), a row an image: ``path``,
    ``label``, ``probability`` and ``p_CLASS``; an image that cannot be read has its path alone. A prediction
    that was killed goes on.

    ``layout``: "csv", "class" or "topk"; "pairs" for a sweep on identities.
    """
    sleep_while_waiting()
    from platform.datasets.preparation.unlabelled import open_images
    from reports.deploy.predict import predict_images
    from reports.deploy.prediction_table import read_predictions

    place = table_file(out)
    done = predict_images(_folder(sweep), open_images(str(images)), place, layout=layout)
    return read_predictions(done.file)


def best(sweep: Sweep | str | Path, trial: str | None = None) -> "BestNetwork":
    """The best single trial that has a checkpoint, or the one called ``trial``, as an ``nn.Module``.

    Its ``forward`` takes pixels of 0 to 255, its ``transform`` makes them of an image, ``predict`` does both
    for one image; ``classes`` names the columns. An ensemble that won is used by :func:`predict`.
    """
    from reports.deploy.best_network import best_network

    return best_network(_folder(sweep), trial)


def _shortcuts(
    data: str | Path | None, trials: int | str | None, budget: str | None, *, quick: bool = False
) -> "Shortcuts":
    from platform.tuning.settings.shortcuts import Shortcuts

    source, count = (None if one is None else str(one) for one in (data, trials))
    return Shortcuts(count, budget, source, quick)


def _carried_out(
    loaded: "LoadedSpace[SweepConfig]",
    plan: "Plan",
    folder: "SweepFolder",
    address: str | None,
    given: "GivenSettings",
    *,
    resumes: bool = False,
) -> Sweep:
    """Run it, print what the command prints, and say how it ended."""
    from platform.tuning.terminal import console_of, print_table
    from platform.whole_sweep import carry_out

    console = console_of(sys.stdout)
    done = carry_out(loaded, plan, folder, console, address=address, settings=given, resumes=resumes)
    if not done.end.succeeded and not done.end.is_interrupted:
        raise SweepBroken(f"no trial of {folder.path} succeeded; the last cause: {done.end.last_cause}")
    print_table(console, done.report.rows(SHOWN_TRIALS))
    console.print("\n".join([*done.report.remarks, f"report: {done.report.page}"]))
    return Sweep(folder.path, done.end.is_interrupted, done.end.spent, done.report.page)


def _check_place() -> None:
    """Refuse a thread in which Ctrl-C cannot be handled; set what processes need that are started now."""
    if threading.current_thread() is not threading.main_thread():
        raise UserError("a sweep runs in the main thread of a process, where Ctrl-C arrives")
    sleep_while_waiting()


def _folder(sweep: Sweep | str | Path) -> Path:
    return sweep.folder if isinstance(sweep, Sweep) else Path(sweep)
