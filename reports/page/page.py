"""Writes the page: one HTML file that needs nothing else, wherever it is opened."""

import base64
import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from platform.tracking.links import comparison_link
from platform.tracking.records import WriterState
from platform.tracking.tracking_config import shown_uri
from platform.tuning.goals import figure as figure_of
from platform.tuning.search.importance import LEAST_TRIALS
from reports.page import figures
from reports.page import sentences as words
from reports.ranking.label_agreement import agreement
from reports.page.class_figures import class_figures
from reports.ranking.confirmation import Finalist
from reports.sweeps.contents import Contents
from reports.page.ensemble_figures import ensemble_figures
from reports.findings.failures import failures
from reports.page.figures import Figure
from reports.page.front_figure import pareto_front
from reports.sweeps.joint_record import sweep_of
from reports.ranking.ranking_columns import measures
from reports.page.parameter_figures import importance_figure, parallel_coordinates
from reports.ranking.pareto import Z
from reports.ranking.rank import RankedTrial, method_and_backbone, number, parameter, searched_names
from reports.ranking.trials_table import at_epoch, seconds
from reports.findings.what_mattered import WhatMattered

TEMPLATES = Path(__file__).parent / "templates"
_BAD_IMAGES_SHOWN = 200

CLASSIFIED = {
    "accuracy": "Accuracy",
    "macro_accuracy": "Macro accuracy",
    "loss": "Loss",
    "ece": "Calibration error",
}
RETRIEVED = {
    "recall_at_1": "Recall at 1",
    "rank_5": "Rank 5",
    "rank_10": "Rank 10",
    "map": "Mean average precision",
}
"""Columns of metrics: of data with classes, and of data with identities."""


def render(contents: Contents) -> str:
    """The whole page as HTML. Everything in it that came from the user is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "parameter": parameter,
        "ensemble_name": words.ensemble_name,
        "interval": words.interval,
    }
    environment.filters["figure"] = figure_of
    environment.globals |= {"difference": words.difference, "times": words.times, "outcomes": words.OUTCOMES}
    environment.globals |= {"nan": math.nan, "infinity": math.inf, "z": Z, "least_trials": LEAST_TRIALS}
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    plotly = get_plotlyjs().replace("</script", "<\\/script")
    drawn = _figures(contents)
    scripts = [plotly, script] if any(drawn.values()) else [script]
    return environment.get_template("report.html.j2").render(
        contents=contents,
        metric=contents.identity.metric,
        headlines=words.headlines(contents),
        sentences=words.sentences(contents),
        counts=words.counts(contents.sweep),
        about_labels=words.about_labels(contents.data) if contents.data else "",
        failures=failures(contents.sweep.trials),
        names=[] if contents.joined else searched_names(contents.ranking),
        ranking=[_ranking_row(one, _other_labels(contents)) for one in contents.ranking],
        measures=measures(contents.ranking, contents.identity.metric, contents.gpus),
        seeds=_seeds(contents),
        agreement=agreement(contents.ranking),
        links={one.name: one.page for one in contents.joined},
        constants=_constants(contents),
        other=_other_labels(contents),
        columns=_columns(contents),
        figures=drawn,
        bad_images=contents.bad_images[:_BAD_IMAGES_SHOWN],
        facts=_facts(contents),
        link="" if contents.joined else comparison_link(_state(contents), contents.identity.metric),
        style=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
        scripts=scripts,
        policy=_policy(scripts),
        spec=script_json,
    )


def script_json(text: str) -> str:
    """JSON that may stand in a <script>: nothing in it can end the element or begin a comment."""
    json.loads(text)
    replaced: dict[str, str | int | None] = {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
    return text.translate(str.maketrans(replaced))


def _figures(contents: Contents) -> dict[str, list[Figure]]:
    ranking, metric = contents.ranking, contents.identity.metric
    sections = ("front", "curves", "parameters", "what_mattered", "ensembles", "classes", "noise")
    drawn: dict[str, list[Figure]] = {section: [] for section in sections}
    if contents.pareto is not None and contents.pareto.front:
        drawn["front"] = [pareto_front(contents.pareto, ranking)]
    if any(trial.history.get(metric) for trial in contents.sweep.trials):
        drawn["curves"] = [figures.learning_curves(contents.sweep, ranking, metric)]
    drawn["parameters"] = figures.parameters(ranking, metric)
    if contents.what_mattered is not None:
        drawn["what_mattered"] = _what_mattered(contents.what_mattered, metric)
    if contents.ensembles is not None and contents.ensembles.grown:
        drawn["ensembles"] = ensemble_figures(contents.ensembles, metric)
    if contents.explained.classes is not None:
        drawn["classes"] = class_figures(contents.explained.classes)
    if ranking:
        drawn["noise"] = _noise_figures(contents)
    return drawn


def _what_mattered(found: WhatMattered, metric: str) -> list[Figure]:
    made = (
        importance_figure(found.importances, metric),
        parallel_coordinates(found.space, found.ranked, metric),
    )
    return [figure for figure in made if figure is not None]


def _noise_figures(contents: Contents) -> list[Figure]:
    best = contents.ranking[0].trial
    is_clean = contents.data is not None and contents.data.selects_on == "clean"
    given, clean = (
        ("val/given_accuracy", "val/accuracy") if is_clean else ("val/accuracy", "val/clean_accuracy")
    )
    accuracies = {clean: "on clean labels", given: "on given labels"}
    accuracies |= {f"val/accuracy_network_{n}": f"network {n}" for n in (1, 2)}
    method = {
        "train/agreement": "agreement",
        "train/dropped": "dropped",
        "train/drop_overlap": "drop overlap",
    }
    fits = {"train/memorisation": "given labels", "noise/memorisation": "wrong labels"}
    fits |= {"noise/corrected": "true labels of the wrongly labelled"}
    made = [
        figures.given_against_clean(contents.ranking, given, clean) if clean in best.history else None,
        figures.over_epochs(
            best,
            accuracies,
            name="best-accuracy",
            caption=f"Validation accuracy of the best trial ({best.trial_id}) after each epoch.",
            y="accuracy",
        ),
        figures.over_epochs(
            best,
            {"val/recall_at_1": "recall at 1", "val/rank_5": "rank 5", "val/map": "mean average precision"},
            name="best-retrieval",
            caption=f"Retrieval on validation by the best trial ({best.trial_id}) after each epoch.",
            y="share of queries",
        ),
        figures.over_epochs(
            best,
            method,
            name="best-method",
            caption=f"What the method did in the best trial ({best.trial_id}): the share of training "
            "images on which the two networks agree; that it left out; and how far these are those that it "
            "left out an epoch before.",
            y="share",
        ),
        figures.over_epochs(
            best,
            fits,
            name="best-memorisation",
            caption=f"What the networks of the best trial ({best.trial_id}) predict of the training "
            "images: their given labels; of the wrongly labelled ones, the wrong and the true label.",
            y="share",
        ),
    ]
    return [figure for figure in made if figure is not None]


def _columns(contents: Contents) -> dict[str, str]:
    return RETRIEVED if contents.data is not None and contents.data.are == "identities" else CLASSIFIED


def _ranking_row(one: RankedTrial, other: tuple[str, str] | None) -> dict[str, object]:
    trial = one.trial
    return {
        "place": one,
        "other": at_epoch(trial, other[0], one.best_epoch) if other else None,
        "seconds": seconds(trial),
        "sweep": sweep_of(trial),
        **method_and_backbone(trial),
    }


def _seeds(contents: Contents) -> dict[str, Finalist]:
    """The trials that were run again with other seeds, by trial."""
    return {one.trial: one for one in contents.confirmation.finalists} if contents.confirmation else {}


def _other_labels(contents: Contents) -> tuple[str, str] | None:
    """The accuracy on the labels that do not select, and its heading; None where there is only one kind."""
    kinds = (("val/clean_accuracy", "Clean labels"), ("val/given_accuracy", "Given labels"))
    measured = {name for one in contents.ranking for name in one.trial.history}
    return next((kind for kind in kinds if kind[0] in measured), None)


def _constants(contents: Contents) -> dict[str, str]:
    """Method and backbone where all trials have the same: told once instead of in every row."""
    kinds = [method_and_backbone(one.trial) for one in contents.ranking]
    found = {key: {kind[key] for kind in kinds} for key in ("method", "backbone")}
    return {key: values.pop() for key, values in found.items() if len(values) == 1}


def _facts(contents: Contents) -> list[tuple[str, str]]:
    """How to make the sweep again, as names and values."""
    identity, tags = contents.identity, contents.sweep.tags
    facts = [
        ("Command", identity.command),
        ("Seed", "" if contents.joined else str(identity.seed)),
        ("Commit", identity.git_commit + (" with local changes" if tags.get("git_dirty") == "true" else "")),
        ("Lock file, SHA-256", tags.get("lock_digest", "")),
        ("Data, SHA-256", identity.data_digest),
        ("MLflow", shown_uri(identity.tracking_uri)),
        ("Experiment", identity.experiment),
        ("Parent run", identity.parent_run_id),
    ]
    if contents.data is not None:
        rows = ", ".join(f"{count:,} {split}" for split, count in contents.data.rows.items())
        if contents.data.unlabelled:
            rows += f"; {contents.data.unlabelled:,} of train without a label"
        of = f"{len(contents.data.classes)} {contents.data.are}"
        facts.insert(2, ("Data", f"{contents.data.source}: {of}; {rows}"))
    return [(name, value) for name, value in facts if value]


def _state(contents: Contents) -> WriterState:
    state = contents.identity.writer_state
    return replace(state, uri=shown_uri(state.uri))


def _policy(scripts: list[str]) -> str:
    """What a browser may run and load: these very scripts and nothing else, nothing from anywhere."""
    hashes = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:"
