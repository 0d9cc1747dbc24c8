"""From a search space to finished trials with Ray Tune and Optuna; its own files import no other room."""
