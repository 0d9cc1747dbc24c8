"""The page's tables of findings: parameters, confused classes, wrong labels, failures, images left out."""

from collections.abc import Sequence

from platform.config.space import Parameter
from platform.tuning.search.importance import Importance
from reports.findings.classes import Confusion
from reports.findings.failures import Failure
from reports.findings.probe import Probe
from reports.findings.top_tenth import Shared
from reports.page.sentences import difference, interval
from reports.page.tables import Column, Table, integers
from reports.ranking.rank import number
from reports.sweeps.contents import DataFacts


def importance_table(found: Sequence[Importance]) -> Table:
    """How much each parameter decides, and what chance would give."""
    verdicts = {True: "more than chance", False: "no more than chance"}
    columns = [
        *_where([one.parameter for one in found]),
        integers("Trials", [one.trials for one in found]),
        Column("PED-ANOVA", [one.ped_anova for one in found], number, "number"),
        Column("Chance, 95%", [one.chance for one in found], number, "number"),
        Column("Matters", [None if one.ped_anova is None else verdicts[one.matters] for one in found]),
        integers("Whole trials", [one.whole for one in found]),
        Column("fANOVA", [one.fanova for one in found], number, "number"),
    ]
    matter = {place for place, one in enumerate(found) if one.matters}
    return Table("importance", columns, chosen=frozenset(matter), is_tall=True)


def shared_values_table(found: Sequence[Shared]) -> Table:
    """What the best tenth of the trials have in common."""
    columns = [
        *_where([one.parameter for one in found]),
        integers("Best", [one.top for one in found]),
        Column("In the best", [one.in_top for one in found]),
        integers("Trials", [one.trials for one in found]),
        Column("In all", [one.in_all for one in found]),
        Column("Chance", [one.chance for one in found], "{:.2g}".format, "number"),
        Column("Surprising", ["yes" if one.is_surprising else "no" for one in found]),
    ]
    surprises = {place for place, one in enumerate(found) if one.is_surprising}
    return Table("shared", columns, chosen=frozenset(surprises), is_tall=True)


def probe_table(found: Probe) -> Table:
    """The probe's best classifier first, its others, and the best trial, which should beat it."""
    best, *others = found.tried
    columns = [
        Column(
            "Prediction",
            [f"probe: {best.name}", *(f"other probe: {one.name}" for one in others), "best single trial"],
        ),
        Column(found.metric, [best.value, *(one.value for one in others), found.value], number, "number"),
        Column(
            "Trial's gain over the probe",
            [None] * len(found.tried) + [found.gain.difference],
            lambda value: difference(value, 0),
            "number",
        ),
        Column("95% interval of the gain", [None] * len(found.tried) + [interval(found.gain)]),
    ]
    return Table("probe", columns, chosen=frozenset({len(found.tried) if found.is_beaten else 0}))


def confusions_table(found: Sequence[Confusion]) -> Table:
    """Pairs of classes mistaken for each other, with examples."""
    columns = [
        Column("One", [one.one for one in found], kind="name"),
        Column("The other", [one.other for one in found], kind="name"),
        integers("One as the other", [one.as_other for one in found]),
        integers("The other as one", [one.as_one for one in found]),
        integers("Of both", [one.of for one in found]),
        _share("Mistaken", [one.mistaken / one.of for one in found]),
        Column(
            "Examples",
            ["; ".join(words for _, words in one.pictures) for one in found],
            kind="pictures",
            pictures=[one.pictures for one in found],
        ),
    ]
    return Table("confusions", columns)


def wrong_labels_table(data: DataFacts) -> Table:
    """The share of given labels that differ from the clean ones, by split."""
    columns = [
        Column("Split", list(data.wrong)),
        integers("Images", [data.rows[split] for split in data.wrong]),
        _share("Wrong labels", list(data.wrong.values())),
    ]
    return Table("noise", columns)


def failures_table(found: Sequence[Failure]) -> Table:
    """Failed trials by cause."""
    columns = [
        integers("Trials", [len(one.trials) for one in found]),
        Column("Cause", [one.cause for one in found], kind="wrap"),
        Column(
            "Where",
            [str(one.region) if one.region else "no single condition separates them" for one in found],
            kind="wrap",
        ),
        Column("Which", [", ".join(one.trials) for one in found], kind="wrap"),
    ]
    return Table("failures", columns)


def images_table(bad_images: Sequence[tuple[str, str]]) -> Table:
    """Images left out, and why."""
    columns = [
        Column("Image", [path for path, _ in bad_images], kind="wrap"),
        Column("Why", [reason for _, reason in bad_images], kind="wrap"),
    ]
    return Table("images", columns, is_tall=True)


def _where(parameters: Sequence[Parameter]) -> list[Column]:
    return [
        Column("Parameter", [one.path for one in parameters]),
        Column("Where", [one.condition or "everywhere" for one in parameters]),
    ]


def _share(heading: str, values: Sequence[float]) -> Column:
    return Column(heading, values, lambda value: f"{value:.1%}", "number")
