"""The audit's pass over many images: time, peak memory, the same tables after a kill.

    python -m tests.benchmarks.audit_scale [--images 6000] [--smallest]

The images are hard links to 40 made JPEGs of 227 px to 1,000 px, so the disk's cache has them: what is
measured is reading, decoding, measuring and writing, each name anew, not a slow disk. What is known of each
JPEG must be in the row of each of its names. Memory is the sum of the resident memory of all processes.

Then the audit is started again elsewhere, killed with SIGKILL in the midst, and goes on: its tables must be
the same to the byte. In the end: what 1.2 million such images would take, in proportion. Exits with 1 if a
row is wrong, or a table differs. Takes three minutes.
"""

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from platform.config.invocation import ROOT
from platform.datasets.audit.folder import AuditFolder
from platform.datasets.audit.scan.one_image import READING, row_of
from platform.datasets.audit.scan.scan import ScanOptions, scan
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.listing import list_images
from platform.datasets.sources.source import FolderSource

from .figures import benchmark_parser, check_possible

MADE = 40
SIZES = ((227, 227), (375, 500), (333, 500), (768, 1000))
MANY = 1_200_000
CLASSES = 50
TABLES = ("images.parquet", "thumbnails.parquet", "issues.parquet")
POLL_S = 0.05


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__ or "")
    parser.add_argument("--images", type=int, default=6000, help="number of images (default: 6000)")
    options = parser.parse_args(arguments)
    images = 1500 if options.smallest else options.images
    with tempfile.TemporaryDirectory() as place:
        source, whole, killed = (Path(place) / name for name in ("photos", "whole", "killed"))
        known = make_images(source, images)
        seconds, peak = run_whole(source, whole)
        again = run_killed(source, killed)
        wrong = wrong_rows(AuditFolder(whole), known)
        differing = [name for name in TABLES if (whole / name).read_bytes() != (killed / name).read_bytes()]
    check_possible({"images/s": images / seconds, "peak memory": peak})
    print(f"images                      {images:>12,}")
    print(f"images/s                    {images / seconds:>12,.0f}")
    print(f"peak memory, all processes  {peak / 1e6:>9,.0f} MB")
    print(f"read anew after a kill      {again / images:>12.0%}")
    print(f"wrong rows                  {wrong:>12,}")
    print(f"tables that differ          {len(differing):>12}")
    print(f"in proportion, {MANY:,} such images take {MANY / images * seconds / 3600:.1f} h")
    return int(bool(wrong or differing))


def make_images(folder: Path, images: int) -> dict[str, dict[str, object]]:
    """Write the names; path -> the row that is known of it."""
    originals = folder.parent / "originals"
    originals.mkdir()
    for number in range(MADE):
        (originals / f"{number}.jpg").write_bytes(_jpeg(number))
    rows = [row_of(FolderSource(originals, "originals"), f"{number}.jpg", READING) for number in range(MADE)]
    known = {}
    for place in range(images):
        path = f"class_{place % CLASSES:02d}/{place:07d}.jpg"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.link(originals / f"{place % MADE}.jpg", folder / path)
        known[path] = rows[place % MADE]
    return known


def _jpeg(number: int) -> bytes:
    """Smooth colours with fine noise, so that its size is like a photograph's."""
    random = np.random.default_rng(number)
    height, width = SIZES[number % len(SIZES)]
    coarse = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    noisy = np.clip(smooth + random.normal(0, 9, smooth.shape), 0, 255).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(noisy).save(content, "JPEG", quality=85)
    return content.getvalue()


PASS = "from tests.benchmarks.audit_scale import pass_over; import sys; pass_over(*sys.argv[1:])"


def pass_over(source: str, out: str) -> None:
    """The stage ``files`` alone, in a process of its own."""
    config = DataConfig(source=source)
    scan(AuditFolder(Path(out)), list_images(config), config, ScanOptions())


def _started(source: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PASS, str(source), str(out)], cwd=ROOT)


def run_whole(source: Path, out: Path) -> tuple[float, int]:
    """Seconds, and the most memory that all its processes held, in bytes."""
    started = time.perf_counter()
    with _started(source, out) as process:
        peak = 0
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(POLL_S)
    _check(process)
    return time.perf_counter() - started, peak


def run_killed(source: Path, out: Path) -> int:
    """Kill the pass when a quarter of the images is done, and let it go on; the number that was left."""
    files = len(list_images(DataConfig(source=str(source))).rows)
    process = _started(source, out)
    _wait_for(process, lambda: _done(out) > files // 4)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = _done(out)
    with _started(source, out) as process:
        pass
    _check(process)
    return files - done


def _done(out: Path) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(file).num_rows for file in (out / "shards").glob("[!.]*.parquet"))


def _wait_for(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    while not condition():
        if process.poll() is not None:
            raise SystemExit("the audit ended before it could be killed: give it more --images")
        time.sleep(POLL_S)


def _check(process: subprocess.Popen[bytes]) -> None:
    if process.returncode:
        raise SystemExit(f"the audit ended with code {process.returncode}")


def _memory(pid: int) -> int:
    try:
        parent = psutil.Process(pid)
        return sum(one.memory_info().rss for one in (parent, *parent.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0  # it has just ended


def wrong_rows(folder: AuditFolder, known: dict[str, dict[str, object]]) -> int:
    """How many rows differ from what is known of their JPEG."""
    names = ["path", "sha256", "pixels", "width", "height", "phash", "dhash_mirrored", "dark", "blurry"]
    table = folder.images(names)
    wrong = len(set(known) ^ set(table["path"]))
    for path, *values in table.itertuples(index=False):
        wrong += values != [known[path][name] for name in names[1:]]
    return wrong


if __name__ == "__main__":
    sys.exit(main())
