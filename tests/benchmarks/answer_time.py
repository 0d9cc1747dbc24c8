"""How fast ``platform.search`` answers a mistake in a YAML and ``--plan``, compared with importing torch.

Both should take at most 3 s on two cores. Each command runs as a whole process, all in turn; the table shows
the median of five rounds.

    python -m tests.benchmarks.answer_time [--smallest]
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from .figures import benchmark_parser, check_possible

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5
REFERENCE = "import torch (the reference)"


def seconds(arguments: Sequence[str], exit_code: int) -> float:
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
    taken = time.perf_counter() - started
    if done.returncode != exit_code:
        raise SystemExit(
            f"{arguments} ended with exit code {done.returncode}, not {exit_code}: {done.stderr}"
        )
    return taken


def main(arguments: Sequence[str] | None = None) -> int:
    options = benchmark_parser(__doc__).parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bad = Path(folder) / "bad.yaml"
        text = (ROOT / "search_spaces" / "peer.yaml").read_text(encoding="utf-8")
        bad.write_text(text.replace("drop_rate:", "drop_rat:", 1), encoding="utf-8")
        commands = {
            REFERENCE: (["-c", "import torch"], 0),
            "import timm": (["-c", "import timm"], 0),
            "a misspelt key in peer.yaml": (["-m", "platform.search", str(bad)], 2),
            "--plan of peer.yaml": (["-m", "platform.search", "search_spaces/peer.yaml", "--plan"], 0),
        }
        rounds = [
            {name: seconds(*command) for name, command in commands.items()}
            for _ in range(1 if options.smallest else ROUNDS)
        ]
    medians = {name: statistics.median(each[name] for each in rounds) for name in commands}
    check_possible(medians)
    print(f"{'':32} median   ratio")
    for name, median in medians.items():
        print(f"{name:32} {median:5.2f} s  {median / medians[REFERENCE]:5.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
