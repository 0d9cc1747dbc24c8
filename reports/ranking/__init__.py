"""Trials ranked: fronts, standard errors, paired tests, trials.csv."""
