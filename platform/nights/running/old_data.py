"""``data: both``: the canary on the data of the level, which tells worse code from worse data."""

import json
from dataclasses import replace

from platform.config.document import read_document
from platform.config.load import load_space
from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import CANARY, OLD_DATA, Book, Night
from platform.nights.plan.load_plan import LoadedPlan, Subject
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

KEPT_DIGITS = 12


def on_old_data(
    plan: LoadedPlan, book: Book, night: Night, canary: Subject, digest: str
) -> tuple[Subject | None, str | None]:
    """The canary with the section ``data`` of the last night whose data were others, and a line to say.

    Images that were added, removed or relabelled in place are gone as they were: old data are there only
    where the space names another source or table than it did.
    """
    before = _last_with_other_data(book, night, digest)
    if before is None:
        return None, None
    file = NightFolder.of(plan.state, before.identity).space(CANARY)
    if not file.is_file():
        return None, f"data: both: what {before.identity} learnt from is not known any more"
    old = read_document(file).tree.get("data", {})
    if old == canary.loaded.document.tree.get("data", {}):
        words = "have changed in place, so that there are no old ones to run on: give new data a new name"
        return None, f"data: both: the data of {before.identity} {words}"
    overrides = (*canary.overrides, f"data={json.dumps(old)}")
    loaded = load_space(canary.path, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)
    return replace(canary, name=OLD_DATA, overrides=overrides, loaded=loaded), None


def is_old(book: Book, night: Night, tonight: str, found: str) -> bool:
    """Whether the data ``found`` by the canary on old data are those that the earlier night had."""
    before = _last_with_other_data(book, night, tonight)
    return before is not None and _data_of(before) == found[:KEPT_DIGITS]


def _last_with_other_data(book: Book, night: Night, digest: str) -> Night | None:
    past = [one for one in book.of(night.night) if one.state == "done" and one.date < night.date]
    with_canary = [one for one in past if _data_of(one) is not None]
    if not with_canary or _data_of(with_canary[-1]) == digest[:KEPT_DIGITS]:
        return None
    return with_canary[-1]


def _data_of(night: Night) -> str | None:
    """The digest of the data that the night's canary ran on."""
    for one in night.comparisons:
        if one.subject == CANARY:
            return one.series.partition("data ")[2].partition(" ")[0]
    return None
