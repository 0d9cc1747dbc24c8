"""From scores to the probability of a wrong label: planted errors, weights, calibration, budgets"""
