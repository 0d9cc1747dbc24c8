"""The tags by which runs are told apart; writer and reader share them, and people see them in MLflow."""

PARENT = "mlflow.parentRunId"

# on both
SWEEP = "sweep"
OUTCOME = "outcome"

# on the parent, one a sweep
GIT_COMMIT = "git_commit"
GIT_DIRTY = "git_dirty"
LOCK_DIGEST = "lock_digest"
DATA_DIGEST = "data_digest"
SEED = "seed"
COMMAND = "command"
GOALS = "goals"
NOW_SEARCHED = "now_searched"

# on the children, one a trial
TRIAL_ID = "trial_id"
ATTEMPT = "attempt"
CONFIRMS = "confirms"
CODE = "code"
REUSED_FROM = "reused_from"
LEFT_OUT = "left_out"
SEARCHED = "searched"
METHOD = "method"
BACKBONE = "backbone"
CONFIG = "config"
CONSTANTS = "constants"
CHECKPOINT = "checkpoint"
CHECKPOINT_LAST = "checkpoint_last"
CAUSE = "cause"
NON_FINITE = "non_finite"

CAUSE_FILE = "cause.txt"

DELETED = "deleted to keep storage.max_bytes"
"""In place of a checkpoint's path."""

COLUMNS = ("method.name", "model.backbone")
"""Parameters that each trial has, searched or not: trials of several sweeps are compared by them."""
