"""``--new PATH my.yaml``: a commented space that fits these images and this machine."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from platform.config.errors import UserError
from platform.config.load import load_space
from platform.datasets.look.look import Look, look
from platform.datasets.preparation.listing import Listing
from platform.datasets.tables.table_files import MISSING
from platform.tuning.cluster.resources import resources_here
from platform.tuning.run.new_space_text import STEP, Choices, Facts, text_of
from platform.tuning.run.plan import Plan, make_plan
from platform.tuning.settings.shortcuts import data_section
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

OPENED = 1000
"""Images that are opened to see how large they are."""
PRETRAINED_FROM = 96  # px: smaller images are unlike what published weights were trained on


def write_new_space(source: str, overrides: Sequence[str], file: Path) -> Plan:
    """Write the space to ``file``, which must not exist, and return its plan.

    Raises UserError for data that cannot be read, and for identities, which need another kind of space.
    """
    if file.suffix not in (".yaml", ".yml"):
        raise UserError(f"--new: the file to write must end in .yaml, got {file}")
    if file.exists():
        raise UserError(f"--new: {file} exists, and is not overwritten; name another file")
    if not file.absolute().parent.is_dir():
        raise UserError(f"--new: the folder {file.parent} does not exist")
    config = data_section(source, overrides)
    if config.identities is not None:
        raise UserError(
            f"--new: {source} holds identities to be found again: start from search_spaces/core.yaml with "
            f"--data {source}"
        )
    facts = facts_of(*look(config, limit=OPENED))
    section = config.model_dump(mode="json", exclude_unset=True)
    text = text_of(facts, choose(facts), section, file)
    with TemporaryDirectory() as folder:  # a space that cannot be planned is never left behind
        draft = Path(folder) / file.name
        draft.write_text(text, encoding="utf-8")
        plan = make_plan(load_space(draft, SweepConfig, fixed=SWEEP_FIELDS), file.stem)
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except OSError as error:
        raise UserError(f"--new: {file} cannot be written: {error.strerror or error}") from error
    return plan


def facts_of(listing: Listing, found: Look) -> Facts:
    sizes = [one.images.get("train", 0) for one in found.classes]
    shorter = sorted(min(size) for size in found.sizes)
    if not shorter:
        raise UserError(f"--new: none of {len(found.opened)} images of {found.source} can be read")
    here = resources_here()
    return Facts(
        source=found.source,
        train=sum(sizes),
        classes=len(sizes),
        smallest=min(sizes),
        largest=max(sizes),
        shorter=shorter[len(shorter) // 2],
        bad=len(found.bad) / len(found.opened),
        wrong=_wrong(listing),
        gpus=int(here["GPU"]),
        cores=int(here["CPU"]),
    )


def _wrong(listing: Listing) -> float | None:
    """The share of training labels that are not the true ones, where all of these are known."""
    if "clean" not in listing.rows:
        return None
    rows = listing.rows[(listing.rows["split"] == "train") & (listing.rows["label"] != MISSING)]
    if (rows["clean"] == MISSING).any():
        return None
    return float((rows["label"] != rows["clean"]).mean())


def choose(facts: Facts) -> Choices:
    """Image size, network and length of the search by the images and the machine."""
    most = 224 if facts.gpus else 64
    size = max(min(facts.shorter // STEP * STEP, most), STEP)
    pretrained = facts.gpus > 0 and size >= PRETRAINED_FROM
    small = "test_byobnet" if size <= STEP or facts.train > 5000 else "resnet10t"
    batch = 64 if facts.gpus else 32
    while batch > 8 and batch * 4 > facts.train:
        batch //= 2
    return Choices(
        image_size=size,
        backbone="resnet50" if pretrained else "resnet18" if facts.gpus else small,
        pretrained=pretrained,
        batch_size=batch,
        epochs=20 if facts.gpus else 12,
        trials=20 if facts.gpus else 12,
        budget="8h" if facts.gpus else "1h",
    )
