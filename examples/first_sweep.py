"""A sweep from Python: run it in any folder with the Python of the checkout's .venv.

It writes runs/ and mlflow.db into the current folder. The same with explanations: first_sweep.ipynb.
"""

from pathlib import Path

import platform_api as api

SPACES = Path(api.__file__).parents[1] / "search_spaces"

if __name__ == "__main__":
    print(api.look("digits"))
    space = api.load_space(SPACES / "peer.yaml", {"epochs": 2}, trials=2)
    print(space.plan())
    sweep = api.run(space)
    print(api.trials(sweep)[["trial", "outcome", "val/accuracy best", "epochs"]])
    model = api.best(sweep)
    print(f"the best is trial {model.trial}: {model.metric} {model.value:.4f}")
    print(f"its report: {sweep.page}")
