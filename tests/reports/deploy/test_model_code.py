"""What of this project goes with a shipped model."""

import subprocess
import sys

from reports.deploy.model_code import write_package


def test_it_runs_where_nothing_of_this_project_is_on_the_path(tmp_path):
    name = write_package("reports.deploy.winner_model", tmp_path)
    assert name == "sweep_winner.reports.deploy.winner_model"
    script = (
        "import platform, sys, importlib\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        f"module = importlib.import_module({name!r})\n"
        "assert not hasattr(platform, '__path__')\n"
        "ours = [one for one in sys.modules if one.startswith(('platform.', 'reports'))]\n"
        "assert not ours, ours\n"
        "print(*module.rules())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "mean_probability" in done.stdout.split()


def test_no_more_goes_with_it_than_it_needs(tmp_path):
    write_package("reports.deploy.winner_model", tmp_path)
    there = {str(file.relative_to(tmp_path / "sweep_winner")) for file in tmp_path.rglob("*.py")}
    assert "reports/ensembles/rules/vote.py" in there
    assert not [file for file in there if "training" in file or "tuning" in file]
    of_tracking = {file for file in there if "tracking" in file}
    assert of_tracking == {"platform/tracking/__init__.py", "platform/tracking/bad_request.py"}
