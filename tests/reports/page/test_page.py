import base64
import gzip
import hashlib
import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reports.build.build import Report
from reports.page.page import render, script_json
from reports.sweeps.contents import Joined


class Reader(HTMLParser):
    """Collects what a browser would make of the page: elements, their attributes and all text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.ids = []
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        self._in_script = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._in_script = False

    def handle_data(self, data):
        if not self._in_script:
            self.text.append(data)


@pytest.fixture
def joint_page(make_contents, hostile):
    """Of two sweeps with hostile names: six trials each; the first one has a page of its own."""
    contents = make_contents()
    renamed = {
        trial.trial_id: replace(trial, trial_id=f"{name}/{trial.trial_id}")
        for place, trial in enumerate(contents.sweep.trials)
        for name in [(hostile, "b")[place % 2]]
    }
    joined = tuple(
        Joined(name, f"runs/{name}", page, contents.identity, contents.sweep)
        for name, page in ((hostile, "../../a%22b/index.html"), ("b", None))
    )
    ranking = [replace(one, trial=renamed[one.trial.trial_id]) for one in contents.ranking]
    sweep = replace(contents.sweep, trials=list(renamed.values()))
    return render(
        replace(contents, sweep=sweep, ranking=ranking, ensembles=None, joined=joined, space_yaml="")
    ).html


def test_a_joint_page_names_the_sweep_of_each_trial_and_links_to_its_page(joint_page, hostile):
    read = Reader(joint_page)
    assert "img" not in read.tags
    assert read.attributes.count(("data-sweep", hostile)) == read.attributes.count(("data-sweep", "b")) == 5
    assert read.attributes.count(("href", "../../a%22b/index.html")) == 1 + 5, "its own row, and its trials'"
    assert {"ranking-table", "sweeps"} <= set(read.ids)
    text = "".join(read.text)
    assert "Joint report of 2 sweeps" in text
    assert f"{hostile}/0000" in text
    assert "Compare the trials in MLflow" not in text
    assert "space.yaml" not in text


@pytest.fixture(scope="module")
def page(make_contents):
    return render(make_contents()).html


def test_hostile_names_stay_text(page, hostile):
    reader = Reader(page)
    assert "img" not in reader.tags
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    text = "".join(reader.text)
    for place in (
        "cats/",
        "truncated ",
        "TrainingDiverged: ",
        "python -m platform.search ",
        "Trial 3 was left out: ",
    ):
        assert place + hostile in text
    assert f"# {hostile}" in text, "the resolved space"


def test_figures_data_can_end_no_script_and_is_still_json(page, hostile):
    specs = re.findall(r'<script type="application/json" id="([^"]*)">(.*?)</script>', page, re.DOTALL)
    assert {name for name, _ in specs} >= {
        "spec-learning-curves",
        "spec-ensembles",
        "spec-given-against-clean",
    }
    for _, content in specs:
        assert "<" not in content
        json.loads(content)
    shown = html.unescape(json.loads(dict(specs)["spec-parameter-method.rank_by"])["data"][0]["x"][0])
    assert shown in ("loss", hostile.replace("%{", "% {"))


def test_json_in_a_script_keeps_its_meaning_without_dangerous_signs():
    value = {"a": "</script><!--&\u2028\u2029>"}
    text = script_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)
    with pytest.raises(ValueError, match="Expecting value"):
        script_json("not json")


def test_nothing_is_loaded_and_only_the_pages_own_scripts_may_run(page):
    reader = Reader(page)
    assert not [value for name, value in reader.attributes if name == "src"]
    assert "link" not in reader.tags
    [policy] = [value for name, value in reader.attributes if name == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.split(";")[1]


def scripts_of(page):
    """The page's own scripts, and plotly's, which they decompress."""
    own = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    packed = re.findall(r'<script type="application/octet-stream" id="plotly">(.*?)</script>', page)
    return [*own, *(gzip.decompress(base64.b64decode(one)).decode() for one in packed)]


def test_the_policy_names_the_pages_own_script_and_plotlys_and_nothing_else(page):
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    own, plotly = scripts_of(page)
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in (own, plotly)]
    allowed = html.unescape(policy).split("script-src ")[1].split(";")[0]
    assert allowed == " ".join(f"'sha256-{one}'" for one in hashes)


def test_plotly_is_in_the_page_once_and_not_at_all_without_figures(page, make_contents):
    assert [one.count("plotly.js v") for one in scripts_of(page)] == [0, 1]
    assert "plotly.js v" not in page, "only compressed"
    empty = make_contents(trials=0, ranking=[], ensembles=None, test=None)
    assert len(render(empty).html) < 60_000
    assert 'id="plotly"' not in render(empty).html


def test_a_password_of_the_tracking_server_is_not_on_the_page(page):
    assert "secret" not in page
    assert "http://ann:***@mlflow.example.org" in page


def test_sections_are_landmarks_with_headings_and_tables_have_captions(page):
    reader = Reader(page)
    labels = [value for name, value in reader.attributes if name == "aria-labelledby"]
    assert set(labels) <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.tags.count("caption") == reader.tags.count("table") > 3
    assert reader.tags.count("figcaption") == reader.tags.count("figure") > 3
    assert {"header", "nav", "main", "footer"} <= set(reader.tags)
    links = [value[1:] for name, value in reader.attributes if name == "href" and value.startswith("#")]
    assert set(links) <= set(reader.ids)


def test_every_trial_has_a_row_with_its_parameters(page, make_contents):
    rows = re.findall(
        r"<tr[^>]*>.*?</tr>", page[page.index('id="ranking"') :].split("</table>")[0], re.DOTALL
    )
    assert len(rows) == 1 + len(make_contents().ranking)
    for column in ("ema", "method.rank_by", "optim.lr", "Clean labels", "Backbone"):
        assert f">{column}</button>" in rows[0].replace("<wbr>", "")
    assert ">Method</button>" not in rows[0], "all trials have the same method: said once, above"


def test_parts_that_could_not_be_made_are_left_out_and_their_reason_is_told(make_contents):
    contents = make_contents(
        ensembles=None, test=None, data=None, notices=["The data are gone."], bad_images=[]
    )
    page = render(contents).html
    assert 'id="ensembles"' not in page
    assert 'id="images"' not in page
    assert "The data are gone." in page
    assert 'id="ranking"' in page


def test_how_often_test_was_scored_is_told(make_contents):
    contents = make_contents()
    assert "has been scored once for this sweep." in render(contents).html
    page = render(replace(contents, test=replace(contents.test, times=3))).html
    assert "has been scored 3 times for this sweep: the finalists changed" in page
    assert "no test split" in render(replace(contents, test=None)).html


def test_of_many_left_out_images_the_first_are_listed(make_contents):
    page = render(make_contents(bad_images=[(f"{n}.jpg", "truncated") for n in range(500)])).html
    assert "500 images could not be read and were left out" in page
    assert "199.jpg" in page
    assert "200.jpg" not in page


@pytest.mark.parametrize(("trials", "most"), [(20, 2_500_000), (200, 3_500_000)])
def test_a_page_has_a_few_megabytes(make_contents, trials, most):
    assert len(render(make_contents(trials=trials)).html.encode()) < most


def test_selecting_on_clean_labels_shows_the_given_ones_beside_them(make_contents):
    contents = make_contents()

    def renamed(one):
        history = dict(one.trial.history)
        history["val/given_accuracy"] = history.pop("val/clean_accuracy")
        return replace(one, trial=replace(one.trial, history=history))

    page = render(replace(contents, ranking=[renamed(one) for one in contents.ranking])).html
    assert ">Given labels</button>" in page
    assert "Clean labels" not in page


@pytest.fixture
def guessing(make_contents):
    """Contents whose finalists reach no more than guessing among two classes, and select by accuracy."""
    made = make_contents()
    trained, validated = {"a": 2000, "b": 20}, {"a": 90, "b": 10}
    samples = {"val/accuracy": 100.0, "val/macro_accuracy": 36.0}
    data = replace(made.data, trained=trained, validated=validated, samples=samples)
    return replace(made, data=data)


def test_what_a_report_does_not_know_comes_before_its_numbers(guessing):
    text = "".join(Reader(render(guessing).html).text)
    places = [
        text.index(words)
        for words in (
            "Nothing was learnt that shows on validation",
            "Answering “a”, the largest training class",
            "The largest training class has 2,000 images and the smallest 20",
            "Best single trial, validation",
        )
    ]
    assert places == sorted(places)


def test_the_terminal_and_mlflow_are_told_first_too(guessing):
    report = Report(Path("index.html"), guessing)
    assert report.remarks[:3] == report.caveats
    assert report.caveats[0].startswith("Nothing was learnt")
    assert guessing.at_chance == report.caveats[0]


def test_a_sweep_that_knows_something_has_no_caveat(make_contents):
    contents = make_contents()
    assert contents.caveats == [] and contents.at_chance is None
    samples = {"val/accuracy": 1000.0, "val/macro_accuracy": 1000.0}
    many = dict.fromkeys("abcdefghij", 100)
    known = replace(contents, data=replace(contents.data, trained=many, validated=many, samples=samples))
    assert known.caveats == []
