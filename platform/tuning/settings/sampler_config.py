"""The section search.sampler: which sampler draws the trials, with its own options.

Names and meanings are those of optuna.samplers, except for ``curves``, which is ours. Options that are not
plain values and options that Optuna has deprecated are left out; the seed is the sweep's.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from platform.config.section import Section, reject


class TpeSampler(Section):
    """Tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011): models good and bad trials apart."""

    name: Literal["tpe"] = "tpe"
    n_startup_trials: int = Field(10, ge=1, description="random trials before the model is used")
    n_ei_candidates: int = Field(
        24, ge=1, description="candidates that are drawn for each trial; the most promising is taken"
    )
    multivariate: bool = Field(
        True, description="model all parameters jointly, so that those that depend on each other are found"
    )
    group: bool | None = Field(
        None,
        description="model the parameters of each option of a choice by themselves; null: as multivariate",
    )
    constant_liar: bool = Field(
        True, description="take running trials for bad ones, so that a new one keeps away from them"
    )

    @model_validator(mode="after")
    def _groups_are_joint(self) -> "TpeSampler":
        if self.group and not self.multivariate:
            reject("group", "needs multivariate: true", self.group)
        return self


class RandomSampler(Section):
    """Independent random trials."""

    name: Literal["random"] = "random"


class CmaEsSampler(Section):
    """Covariance matrix adaptation (Hansen 2016, arXiv 1604.00772), for numbers outside of any choice."""

    name: Literal["cmaes"] = "cmaes"
    n_startup_trials: int = Field(1, ge=1, description="random trials before the model is used")
    popsize: int | None = Field(
        None,
        ge=2,
        description="trials of a generation; null: 4 + 3 · ln(parameters), rounded down",
        examples=[8],
    )
    consider_pruned_trials: bool = Field(False, description="learn from stopped trials too")
    use_separable_cma: bool = Field(
        False,
        description="learn no dependence between parameters (a diagonal covariance), for many parameters "
        "and few trials",
    )
    with_margin: bool = Field(
        False,
        description="keep a least probability for each value of a whole-number parameter, so that none is "
        "lost",
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
    deterministic_objective: bool = Field(
        False, description="whether the same trial again gives exactly the same value"
    )


class CurvesSampler(Section):
    """Expected improvement of the last epoch, by our Gaussian process over settings and epochs."""

    name: Literal["curves"] = "curves"
    n_startup_trials: int = Field(5, ge=1, description="random trials before the model is used")
    n_ei_candidates: int = Field(
        1000, ge=2, description="candidates that are drawn for each trial; the most promising is taken"
    )
    prior_confidence: float = Field(
        10.0,
        ge=0,
        description="how strongly the best value of a number is expected near the middle of its range; it "
        "fades as trials come in; 0: anywhere",
    )


class QmcSampler(Section):
    """A quasi-Monte Carlo sequence, which fills the space more evenly than random draws."""

    name: Literal["qmc"] = "qmc"
    qmc_type: Literal["sobol", "halton"] = Field("sobol", description="which sequence: Sobol' or Halton")
    scramble: bool = Field(False, description="shuffle the sequence by the sweep's seed")


class GridSampler(Section):
    """Every point of a finite space once, in an order that depends on the seed; covers ranges in options."""

    name: Literal["grid"] = "grid"


Sampler = Annotated[
    TpeSampler | RandomSampler | CmaEsSampler | GpSampler | CurvesSampler | QmcSampler | GridSampler,
    Field(discriminator="name"),
]
