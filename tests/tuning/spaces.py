"""Spaces that tests of several folders search."""

TWO_METHODS = """
epochs: 4
seed: 3
model: {backbone: resnet10t}
method:
  choice:
  - {name: cross_entropy}
  - {name: peer, drop_rate: {uniform: [0.1, 0.6]}, ramp_epochs: 2}
optim: {lr: {loguniform: [1.0e-3, 1.0e-1]}}
search: {sampler: {name: tpe, n_startup_trials: 4}}
"""
