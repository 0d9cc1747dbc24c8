"""Names of the tags on runs in MLflow, shared by writer and reader."""

PARENT = "mlflow.parentRunId"

# on both; of a sweep the number of the process that runs it, of a trial how often it started
ATTEMPT = "attempt"
SWEEP = "sweep"
OUTCOME = "outcome"

# on the parent, one a sweep
GIT_COMMIT = "git_commit"
GIT_DIRTY = "git_dirty"
LOCK_DIGEST = "lock_digest"
DATA_DIGEST = "data_digest"
MANIFEST_DIGEST = "manifest_digest"
POLICY_DIGEST = "policy_digest"
SEED = "seed"
COMMAND = "command"
GOALS = "goals"
NOW_SEARCHED = "now_searched"

# of rounds: on the run over all of them, and on a sweep whose round was taken back
ROUNDS_KEY = "rounds_key"
UNDONE = "undone"

# on the children, one a trial
TRIAL_ID = "trial_id"
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

OURS = frozenset(value for name, value in dict(globals()).items() if name.isupper())
"""All of them: names that nobody else may give a tag."""

CAUSE_FILE = "cause.txt"

DELETED = "deleted to keep storage.max_bytes"
"""In place of a checkpoint's path."""

COLUMNS = ("method.name", "model.backbone")
"""Parameters that each trial has, searched or not: trials of several sweeps are compared by them."""
