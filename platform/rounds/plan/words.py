"""The command line of each round's sweep: what rounds lay over the space."""

import json
from pathlib import Path
from typing import Any

from platform.datasets.data_config import DataConfig
from platform.rounds.ledger.places import sweep_name
from platform.rounds.ledger.records import Learnt
from platform.rounds.plan.load_rounds import LoadedRounds

ROUNDS_TAG, ROUND_TAG = "rounds", "round"
"""Tags of a round's runs in MLflow: the rounds' name, and the number."""


def data_section(plan: LoadedRounds, manifest: Path, *, has_clean: bool, learnt: Learnt) -> dict[str, Any]:
    """The section data of a round's sweep: the space's, but for what the manifest holds already."""
    unlabelled = "use" if plan.uses_unlabelled else "leave_out"
    config = plan.data.model_copy(
        update={
            "source": str(manifest),
            "reader": "auto",
            "label": "label",
            "clean_label": "clean" if has_clean else None,
            "unlabelled": unlabelled if learnt.unlabelled else "refuse",
            "unlabelled_folder": None,
            "normalise_labels": False,
            "test_share": None,
            "max_images": None,
            "imbalance": 1.0,
            "imbalance_on_purpose": False,
            "noise": None,
        }
    )
    defaults = DataConfig.model_construct().model_dump(mode="json")
    section = config.model_dump(mode="json")
    return {key: value for key, value in section.items() if key == "source" or value != defaults[key]}


def sweep_words(
    plan: LoadedRounds,
    number: int,
    section: dict[str, Any],
    *,
    starts_from: str | None,
    teacher: str | None,
) -> list[str]:
    """The words behind ``python -m platform.search`` for round ``number``.

    Args:
        section: the data section.
        starts_from, teacher: sweeps of rounds before, by name; None for none.
    """
    config, space = plan.config, plan.space(number)
    sweep = space.first()
    words = [config.space, *config.overrides, *(config.later if number > 1 else ())]
    words += [f"experiment={json.dumps(config.name)}"] if sweep.experiment is None else []
    words.append(f"data={json.dumps(section, ensure_ascii=False)}")
    words += [f"tracking.tags.{ROUNDS_TAG}={json.dumps(config.name)}"]
    words += [f"tracking.tags.{ROUND_TAG}={json.dumps(str(number))}"]
    if starts_from is not None and config.start.best and space.space.parameters():
        entry = {"from": starts_from, "best": config.start.best}
        words.append(f"search.start_with={json.dumps([entry, *sweep.search.start_with])}")
    if starts_from is not None and config.start.init == "best":
        words.append(f"init_from={json.dumps(str(plan.out / starts_from))}")
    if teacher is not None:
        words.append(f"teacher={json.dumps(str(plan.out / teacher))}")
    words += ["--name", sweep_name(config.name, number), "--out", str(plan.out)]
    return words + (["--address", config.address] if config.address else [])
