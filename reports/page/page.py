"""The report's page: one HTML file that loads nothing from elsewhere."""

import base64
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from jinja2 import Environment
from plotly.offline import get_plotlyjs

from platform.config.secrets import shown_uri
from platform.tracking.links import comparison_link
from platform.tracking.records import WriterState
from platform.tuning.search.importance import LEAST_TRIALS
from reports.findings.failures import failures
from reports.findings.what_mattered import WhatMattered
from reports.page import figures, sentences
from reports.page.class_figures import class_figures
from reports.page.ensemble_figures import ensemble_figures
from reports.page.ensemble_tables import ensembles_table, finalists_on_test_table
from reports.page.figures import Figure
from reports.page.findings_tables import (
    confusions_table,
    failures_table,
    images_table,
    importance_table,
    probe_table,
    shared_values_table,
    wrong_labels_table,
)
from reports.page.front_figure import pareto_front
from reports.page.html import TEMPLATES, environment, policy
from reports.page.parameter_figures import importance_figure, parallel_coordinates
from reports.page.ranking_tables import confirmation_table, ranking_table, same_in_all, sweeps_table
from reports.page.tables import Table
from reports.ranking.label_agreement import agreement
from reports.ranking.pareto import Z
from reports.sweeps.contents import Contents

_BAD_IMAGES_SHOWN = 200


@dataclass(frozen=True)
class Page:
    """``html``: the whole file. ``tables`` and ``figures``: what it shows, for files beside it."""

    html: str
    tables: list[Table]
    figures: list[Figure]


def render(contents: Contents) -> Page:
    """Make the page. Everything in it that came from the user is escaped."""
    drawn = _figures(contents)
    tables = _tables(contents, drawn)
    every_figure = [one for section in drawn.values() for one in section]
    scripts = [(TEMPLATES / "report.js").read_text(encoding="utf-8")]
    # The page's script decompresses plotly's and inserts it as an inline script, which its hash allows.
    allowed = policy([*scripts, get_plotlyjs()] if every_figure else scripts, "data: blob:")
    html = (
        _environment()
        .get_template("report.html.j2")
        .render(
            contents=contents,
            metric=contents.identity.metric,
            headlines=sentences.headlines(contents),
            sentences=sentences.sentences(contents),
            counts=sentences.counts(contents.sweep),
            about_labels=sentences.about_labels(contents.data, contents.wrong_labels)
            if contents.data
            else "",
            agreement=agreement(contents.ranking),
            same_in_all=same_in_all(contents),
            tables=tables,
            figures=drawn,
            facts=_facts(contents),
            link="" if contents.joined else comparison_link(_state(contents)),
            style=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
            scripts=scripts,
            plotly=_compressed_plotly() if every_figure else "",
            policy=allowed,
            spec=script_json,
        )
    )
    return Page(html, [one for one in tables.values() if one is not None], every_figure)


def _environment() -> Environment:
    made = environment(TEMPLATES)
    made.globals |= {
        "times": sentences.times,
        "probe_sentence": sentences.about_probe,
        "outcomes": sentences.OUTCOMES,
        "ranked_by": sentences.RANKED_BY,
        "heading_parts": heading_parts,
        "labelled_below": figures.LABELLED_BELOW,
    }
    made.globals |= {"z": Z, "least_trials": LEAST_TRIALS}
    return made


def heading_parts(heading: str) -> list[str]:
    """A heading's parts, between which it may break: ``method.``, ``label_``, ``smoothing``."""
    return re.findall(r"[^._/]*[._/]|[^._/]+", heading)


@cache
def _compressed_plotly() -> str:
    """Plotly's script, compressed by gzip, as base64: 2 MB instead of 4.8."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def script_json(text: str) -> str:
    """JSON for a <script> element, without characters that could end it or begin a comment."""
    json.loads(text)
    replaced: dict[str, str | int | None] = {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
    return text.translate(str.maketrans(replaced))


def _tables(contents: Contents, drawn: Mapping[str, list[Figure]]) -> dict[str, Table | None]:
    """The page's tables by name, in its order; None for those it does not have."""
    mattered = contents.what_mattered if drawn["parameters"] else None
    classes, data = contents.explained.classes, contents.data
    ensembles, test = contents.ensembles, contents.test
    failed = failures(contents.sweep.trials)
    probe = contents.explained.probe
    return {
        "probe": probe_table(probe) if probe else None,
        "ranking": ranking_table(contents) if contents.ranking else None,
        "sweeps": sweeps_table(contents) if contents.joined else None,
        "confirmation": confirmation_table(contents.confirmation) if contents.confirmation else None,
        "importance": importance_table(mattered.importances) if mattered and mattered.is_known else None,
        "shared": shared_values_table(mattered.shared) if mattered and mattered.shared else None,
        "ensembles": ensembles_table(contents, ensembles) if ensembles else None,
        "test": finalists_on_test_table(contents, test) if ensembles and test else None,
        "confusions": confusions_table(classes.confusions) if classes and classes.confusions else None,
        "noise": wrong_labels_table(data) if contents.ranking and data and data.wrong else None,
        "failures": failures_table(failed) if failed else None,
        "images": images_table(contents.bad_images[:_BAD_IMAGES_SHOWN]) if contents.bad_images else None,
    }


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
            caption=f"What the method did in the best trial ({best.trial_id}), as shares of the training "
            "images: agreement of the two networks, images that it dropped, and the overlap of these "
            "with the images dropped an epoch before.",
            y="share",
        ),
        figures.over_epochs(
            best,
            fits,
            name="best-memorisation",
            caption=f"Predictions of the best trial ({best.trial_id}) on training images: the share that "
            "equals the given label, and among wrongly labelled images the shares that equal the wrong and "
            "the true label.",
            y="share",
        ),
    ]
    return [figure for figure in made if figure is not None]


def _facts(contents: Contents) -> list[tuple[str, str]]:
    """What you need to repeat the sweep, as names and values."""
    identity, tags = contents.identity, contents.sweep.tags
    facts = [
        ("Command", identity.command),
        ("Seed", "" if contents.joined else str(identity.seed)),
        ("Commit", identity.git_commit + (" with local changes" if tags.get("git_dirty") == "true" else "")),
        ("Lock file, SHA-256", tags.get("lock_digest", "")),
        ("Data, SHA-256", identity.data_digest),
        ("Manifest of the data, SHA-256", tags.get("manifest_digest", "")),
        ("Policy of the manifest, SHA-256", tags.get("policy_digest", "")),
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
