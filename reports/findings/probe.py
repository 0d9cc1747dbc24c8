"""What the probe found: simple classifiers on features that the sweep did not train, for it to beat."""

from dataclasses import dataclass

from reports.ranking.paired_bootstrap import Gain


@dataclass(frozen=True)
class Tried:
    """A classifier of the probe and its metric on validation."""

    name: str
    value: float


@dataclass(frozen=True)
class Probe:
    """``tried``: every classifier, the best on validation first, all on the ``features``, in words.

    ``metric``: what they are compared by; ``trial`` and ``value``: the best single trial and its metric;
    ``gain``: of the trial over the best classifier, on the same validation images. ``notes``: a sentence each
    on what was left out.
    """

    features: str
    metric: str
    tried: tuple[Tried, ...]
    trial: str
    value: float
    gain: Gain
    notes: tuple[str, ...] = ()

    @property
    def is_beaten(self) -> bool:
        """Whether the best trial is better, beyond the 95% interval."""
        return self.gain.low > 0
