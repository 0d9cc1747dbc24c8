"""How soon the command answers a mistake in a YAML and ``--plan``, against importing torch and timm.

Both are to take at most 3 s on two cores. Whole processes in turn, the median of five rounds.

    python -m tests.benchmarks.answer_time
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5


def seconds(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=False)
    return time.perf_counter() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        bad = Path(folder) / "bad.yaml"
        text = (ROOT / "search_spaces" / "peer.yaml").read_text(encoding="utf-8")
        bad.write_text(text.replace("drop_rate:", "drop_rat:", 1), encoding="utf-8")
        commands = {
            "import torch (the reference)": ["-c", "import torch"],
            "import timm": ["-c", "import timm"],
            "a misspelt key in peer.yaml": ["-m", "platform.search", str(bad)],
            "--plan of peer.yaml": ["-m", "platform.search", "search_spaces/peer.yaml", "--plan"],
        }
        rounds = [{name: seconds(*command) for name, command in commands.items()} for _ in range(ROUNDS)]
    medians = {name: statistics.median(round_[name] for round_ in rounds) for name in commands}
    reference = medians["import torch (the reference)"]
    print(f"{'':32} median   ratio")
    for name, median in medians.items():
        print(f"{name:32} {median:5.2f} s  {median / reference:5.2f}")


if __name__ == "__main__":
    main()
