"""What a round learns from: audit the sweep before, clean by the policy, pseudo-label; each step is kept."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from platform.config.errors import UserError
from platform.datasets.cleaning.manifest_table import LEFT_OUT, ManifestTable, read_manifest, write_manifest
from platform.datasets.sources.source import open_source
from platform.rounds.data.base import held_out_digests
from platform.rounds.data.changes import actions_of, wrong_share
from platform.rounds.data.pseudo_labels import (
    images_without_label,
    predictions,
    pseudo_labelled,
    without_test,
)
from platform.rounds.ledger.places import BASE, RoundFolder, sweep_name
from platform.rounds.ledger.records import Begun, Learnt
from platform.rounds.plan.load_rounds import LoadedRounds
from platform.rounds.running.steps import carry_out

Say = Callable[[str], None]


def manifest_of(plan: LoadedRounds, number: int) -> Path:
    """The manifest that a round's sweep reads."""
    return plan.folder / BASE if number == 1 else RoundFolder.of(plan.folder, number).data


@dataclass(frozen=True)
class NextData:
    """Makes the data of round ``number``; what an earlier process finished is read, not made again."""

    plan: LoadedRounds
    begun: Begun
    number: int
    say: Say

    @property
    def folder(self) -> RoundFolder:
        return RoundFolder.of(self.plan.folder, self.number)

    @property
    def file(self) -> Path:
        return manifest_of(self.plan, self.number)

    @property
    def sweep_before(self) -> Path:
        return self.plan.out / sweep_name(self.plan.config.name, self.number - 1)

    @property
    def test_is_void(self) -> bool:
        """Whether the round learns from test images, so that there is no test split any more."""
        pseudo = self.plan.config.pseudo_label
        return self.number > 1 and pseudo is not None and pseudo.test

    @property
    def knows_true_labels(self) -> bool:
        """Whether the manifest has any, which evaluation and the page see, and nothing else."""
        return "clean" in read_manifest(self.file).rows

    def make(self) -> Learnt:
        """Write the manifest that the round's sweep reads.

        Raises:
            UserError: a policy that leaves a class without images; validation or test would change.
        """
        started = time.monotonic()
        table = read_manifest(manifest_of(self.plan, max(1, self.number - 1)))
        if self.number > 1:
            table = self._pseudo_labelled(self._cleaned(table))
            self._check(table)
            table = write_manifest(self.file, table.rows, table.facts)
        return self._learnt(table, time.monotonic() - started)

    def _cleaned(self, before: ManifestTable) -> ManifestTable:
        """What the policy makes of the audit of the sweep before."""
        config, what = self.plan.config, f"round {self.number}"
        unchanged = ManifestTable(before.rows, replace(before.facts, round=before.facts.round + 1))
        if config.audit is None:
            return unchanged
        self.say(f"{what}: audits what round {self.number - 1} learnt from")
        words = ["audit", str(self.sweep_before / "space.yaml"), "--sweep", str(self.sweep_before)]
        words += ["--out", str(self.folder.audit), *config.audit.arguments]
        carry_out("platform.data", words, self.folder.log, f"{what}: audit")
        if config.clean is None:
            return unchanged
        self.say(f"{what}: cleans by {config.clean.policy}")
        words = ["clean", str(self.folder.audit), "--policy", config.clean.policy]
        words += ["--out", str(self.folder.cleaned)]
        carry_out("platform.data", words, self.folder.log, f"{what}: clean")
        return read_manifest(self.folder.cleaned)

    def _pseudo_labelled(self, table: ManifestTable) -> ManifestTable:
        config = self.plan.config.pseudo_label
        if config is None or not (paths := images_without_label(table.rows, config)):
            return table
        self.say(f"round {self.number}: predicts {len(paths):,} images without a label")
        rows = without_test(table.rows) if config.test else table.rows
        source = open_source(str(manifest_of(self.plan, self.number - 1)))
        found = predictions(self.sweep_before, source, paths, self.folder.pseudo_labels, lambda _: None)
        taken = found[found["probability"] >= config.above]
        labels = {
            path: (label, float(probability))
            for path, label, probability in taken[["path", "label", "probability"]].itertuples(index=False)
        }
        return replace(table, rows=pseudo_labelled(rows, labels, table.facts.round))

    def _check(self, table: ManifestTable) -> None:
        """Validation and test must be those of round 1; where test images are learnt from, none is left."""
        now = held_out_digests(table.rows)
        for split, digest in self.begun.held_out.items():
            if now.get(split) != digest and not (split == "test" and self.test_is_void):
                raise UserError(
                    f"round {self.number}: its manifest would change the rows of {split}, which must never "
                    "change: say held_out: false in the policy"
                )

    def _learnt(self, table: ManifestTable, seconds: float) -> Learnt:
        rows = table.rows
        train = rows[(rows["split"] == "train") & ~rows["action"].isin(LEFT_OUT)]
        labelled = int(train["label"].notna().sum())
        audit = self.folder.audit / "index.html"
        return Learnt(
            file=str(self.file.relative_to(self.plan.folder)),
            digest=table.facts.digest,
            labelled=labelled,
            unlabelled=len(train) - labelled,
            wrong=wrong_share(rows),
            actions=actions_of(rows, table.facts.round) if self.number > 1 else {},
            seconds=round(seconds, 1),
            audit=str(audit.relative_to(self.plan.folder)) if audit.exists() else None,
        )
