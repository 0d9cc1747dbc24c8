"""What the README and the tutorial show of commands that take seconds is what they print."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from platform.config.load import load_space
from platform.tuning.run.plan import make_plan
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from tests.pages import ANYTHING, Example, as_printed, examples, frames, is_shown

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", ROOT / "docs" / "tutorial.md")
PART_OF_THE_CHECKOUT = ("platform", "reports", "search_spaces", "requirements.lock")
BLOCK = re.compile(r"^```(?P<language>python|yaml)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

COMMAND = re.compile(r"python -m (platform\.\w+|reports) ([^`\n|#]*)")
SPACE = re.compile(r"search_spaces/[\w/]+\.yaml")
WORDS = re.compile(r"(?:(?<=\s)|^)[a-z][a-z-]*(?: [a-z][a-z-]*)+(?=[\s;:.,)]|$)")
"""Words of a message between what differs from case to case: names, numbers, paths."""
OPTION = re.compile(r"(?<=\s)--[a-z][a-z-]*")
OPTIONS_OF = {
    "platform.search": "platform/search_options.py",
    "platform.nightly": "platform/nightly_options.py",
    "platform.rounds": "platform/rounds/options.py",
    "reports": "reports/options.py",
}
"""The file in which a command's options are added."""

QUESTIONS = {
    "pretrained weights, offline": ("training.md", "### Pretrained weights offline", "model.weights="),
    "elsewhere": ("resume.md", "## Resume elsewhere", "--resume --name NAME data.source="),
    "`method.rank_by`": ("methods.md", "### `method.rank_by`", "decides which loss ranks"),
    "serve": ("winner.md", "## Serve it", "mlflow models serve"),
    "exit code": ("troubleshooting.md", "### Exit code 1 in particular", "no trial succeeded"),
}
"""What a stranger must find within a minute: words of the front page -> the page, its heading, the answer."""


def runs_a_sweep(example: Example) -> bool:
    """Whether it trains, or asks for what a sweep has left."""
    if example.module == "platform.search":
        at_once = {"--plan", "--new"} & {*example.arguments}
        return not at_once and "method.drop_rate=1.4" not in example.arguments
    return example.module != "platform.data"


AT_ONCE = [one for page in PAGES for one in examples(page) if not runs_a_sweep(one)]


def block(page: Path, language: str) -> str:
    return next(
        one["text"] for one in BLOCK.finditer(page.read_text(encoding="utf-8")) if one["language"] == language
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder from which commands run as from the repository's root, with the images of the tutorial."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in PART_OF_THE_CHECKOUT:
        (folder / part).symlink_to(ROOT / part)
    (folder / ".venv").symlink_to(sys.prefix)
    script = block(ROOT / "docs" / "tutorial.md", "python")
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
    return folder


def test_the_pages_show_commands_of_every_kind():
    shown = {(one.module, one.arguments[0]) for page in PAGES for one in examples(page)}
    assert {module for module, _ in shown} == {"platform.data", "platform.search", "reports"}
    assert len(AT_ONCE) >= 4


@pytest.mark.parametrize("example", AT_ONCE, ids=lambda one: f"{one.page}: {one}")
def test_a_page_shows_what_the_command_prints(example, checkout, monkeypatch):
    if (
        "--plan" in example.arguments
        and "my.yaml" in example.arguments
        and not (checkout / "my.yaml").exists()
    ):
        new = next(one for one in AT_ONCE if "--new" in one.arguments)
        subprocess.run(new.words, cwd=checkout, check=True, capture_output=True)
    if "--new" in example.arguments:
        (checkout / "my.yaml").unlink(missing_ok=True)
    monkeypatch.setenv("COLUMNS", "80")
    done = subprocess.run(example.words, cwd=checkout, capture_output=True, text=True)
    printed = as_printed(done.stdout + done.stderr)
    assert is_shown(example.output, printed), "\n".join(printed)


def test_the_yaml_of_the_readme_is_a_space(checkout, tmp_path, monkeypatch):
    monkeypatch.chdir(checkout)
    space = tmp_path / "space.yaml"
    space.write_text(block(ROOT / "README.md", "yaml"), encoding="utf-8")
    plan = make_plan(load_space(space, SweepConfig, fixed=SWEEP_FIELDS), "space")
    assert plan.trials == 20 + 3 * 3 or plan.trials == 20
    assert plan.data.rows["train"] > 1000


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_front_page_leads_to_the_answer(question):
    page, heading, answer = QUESTIONS[question]
    front = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    words = [part.strip("`") for part in question.split(", ")]
    assert any(f"({page})" in line and all(word in line for word in words) for line in front.splitlines())
    below = (ROOT / "docs" / page).read_text(encoding="utf-8").split(f"\n{heading}\n")[1]
    assert answer in below.split("\n## ")[0]


@pytest.mark.parametrize("module", OPTIONS_OF)
def test_every_option_and_space_that_a_page_gives_to_a_command_is_there(module):
    known = {*re.findall(r'"(--[a-z-]+)"', (ROOT / OPTIONS_OF[module]).read_text(encoding="utf-8")), "--help"}
    given = []
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        given += [(page.name, f" {words}") for command, words in COMMAND.findall(text) if command == module]
    assert given
    assert [(page, one) for page, words in given for one in OPTION.findall(words) if one not in known] == []
    assert [
        (page, one) for page, words in given for one in SPACE.findall(words) if not (ROOT / one).is_file()
    ] == []


def test_the_messages_of_troubleshooting_are_those_of_the_code():
    code = "\n".join(
        file.read_text(encoding="utf-8")
        for top in ("platform", "reports")
        for file in (ROOT / top).rglob("*.py")
    )
    code = re.sub(r'"\n\s*f?"', "", code)
    rows = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8").splitlines()
    messages = [
        one for row in rows if row.startswith("| ") for one in re.findall(r"`([^`]+)`", row.split(" | ")[0])
    ]
    known = {
        message: [part for part in WORDS.findall(message) if len(part.split()) > 2] for message in messages
    }
    assert sum(bool(parts) for parts in known.values()) > 40
    assert [one for one, parts in known.items() if parts and not any(part in code for part in parts)] == []


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["a 1", "b"], ["a 1", "b"], True),
        (["a …", ANYTHING, "b"], ["a 1", "x", "y", "b"], True),
        (["a …", ANYTHING], ["a 1"], True),
        (["a 1"], ["a 2"], False),
        (["a 1"], ["a 1", "b"], False),
        ([ANYTHING, "b"], ["a", "bc"], False),
    ],
)
def test_what_is_not_printed_is_found(shown, printed, same):
    assert is_shown(tuple(shown), printed) is same


def test_frames_leave_out_what_another_sweep_has_otherwise():
    of_one = [
        "[1/2] trial 0000 pruned: val/accuracy 0.1, 2/9 epochs (lr=1)",
        "# trial  outcome  optim.lr",
        "1  0000  x",
    ]
    of_another = ["[2/6] trial 0003 finished: val/accuracy 0.92, 12/12 epochs (q=3)", "#  trial  outcome  q"]
    assert frames(of_one) == frames(of_another)
    assert frames(["report: runs/my/report"]) != frames(["report: runs/my/reports"])
