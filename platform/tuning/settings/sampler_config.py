"""The section search.sampler: which sampler draws the trials, with its own options.

Names and meanings are those of optuna.samplers, but for curves, which is ours. Left out is what is no plain
value, and what Optuna has deprecated; the seed is the sweep's.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from platform.config.section import Section, reject


class TpeSampler(Section):
    """Tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011): models good and bad trials apart."""

    name: Literal["tpe"] = "tpe"
    n_startup_trials: int = Field(10, ge=1, description="random trials before the model is used")
    n_ei_candidates: int = Field(24, ge=1, description="candidates of which the most promising is taken")
    multivariate: bool = Field(True, description="model parameters jointly")
    group: bool | None = Field(
        None, description="model the parameters of each option of a choice jointly; null: as multivariate"
    )
    constant_liar: bool = Field(True, description="keep away from what running trials try already")

    @model_validator(mode="after")
    def _groups_are_joint(self) -> "TpeSampler":
        if self.group and not self.multivariate:
            reject("group", "needs multivariate: true", self.group)
        return self


class RandomSampler(Section):
    """Every trial by itself, whatever the others found."""

    name: Literal["random"] = "random"


class CmaEsSampler(Section):
    """Covariance matrix adaptation (Hansen 2016, arXiv 1604.00772): of numbers outside of any choice."""

    name: Literal["cmaes"] = "cmaes"
    n_startup_trials: int = Field(1, ge=1, description="random trials before the model is used")
    popsize: int | None = Field(
        None, ge=2, description="trials of a generation; null: 4 + floor(3 · ln of the parameters)"
    )
    consider_pruned_trials: bool = Field(False, description="learn from stopped trials too")
    use_separable_cma: bool = Field(
        False, description="a diagonal covariance, for many parameters and few trials"
    )
    with_margin: bool = Field(
        False, description="a least probability for each value of a whole-number parameter"
    )
    lr_adapt: bool = Field(False, description="adapt the learning rate, for noisy or rugged objectives")

    @model_validator(mode="after")
    def _one_variant(self) -> "CmaEsSampler":
        if self.use_separable_cma and (self.with_margin or self.lr_adapt):
            reject("use_separable_cma", "goes with neither with_margin nor lr_adapt", True)
        if self.with_margin and self.lr_adapt:
            reject("with_margin", "does not go with lr_adapt", True)
        return self


class GpSampler(Section):
    """A Gaussian process with logarithmic expected improvement: strong for few, costly trials."""

    name: Literal["gp"] = "gp"
    n_startup_trials: int = Field(10, ge=1, description="random trials before the model is used")
    deterministic_objective: bool = Field(False, description="the same trial again gives the same value")


class CurvesSampler(Section):
    """Expected improvement of the last epoch, by a Gaussian process over settings and epochs: ours."""

    name: Literal["curves"] = "curves"
    n_startup_trials: int = Field(5, ge=1, description="random trials before the model is used")
    n_ei_candidates: int = Field(1000, ge=2, description="candidates of which the most promising is taken")
    prior_confidence: float = Field(
        10.0,
        ge=0,
        description="the prior's exponent, middles of ranges being likelier, times the trials; 0: none",
    )


class QmcSampler(Section):
    """A quasi-Monte Carlo sequence: fills the space more evenly than random draws do."""

    name: Literal["qmc"] = "qmc"
    qmc_type: Literal["sobol", "halton"] = Field("sobol", description="the sequence")
    scramble: bool = Field(False, description="randomise the sequence, by the sweep's seed")


class GridSampler(Section):
    """Every point of a finite space once, in an order that the seed decides; options' own ranges too."""

    name: Literal["grid"] = "grid"


Sampler = Annotated[
    TpeSampler | RandomSampler | CmaEsSampler | GpSampler | CurvesSampler | QmcSampler | GridSampler,
    Field(discriminator="name"),
]
