"""The page in a headless Chromium, by keyboard alone: served by the real command, and as a file."""

import json
from contextlib import ExitStack, contextmanager
from threading import Thread

import pytest

from platform.data.__main__ import main
from platform.datasets.audit.answers import latest, read_answers
from platform.datasets.review.serve import prepared
from platform.datasets.review.session import open_review
from tests.datasets.review.made_audit import make_audit
from tests.datasets.review.served import served

WIDE = {"width": 1280, "height": 800}


@pytest.fixture
def made(tmp_path):
    return make_audit(tmp_path)


@pytest.fixture
def serve():
    """``serve(folder, 10)``: the address of a page, served by this process until the pages are closed."""
    with ExitStack() as stack:
        yield lambda folder, most: stack.enter_context(served_here(folder, most))


@pytest.fixture
def command():
    """``command(folder, "--most", "10")``: the real command, which outlives the pages, too."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(served(*arguments))


@contextmanager
def served_here(folder, most):
    prepared_ = prepared(open_review(folder, None, most), 0)
    thread = Thread(target=prepared_.run)
    thread.start()
    yield prepared_.address
    prepared_.server.should_exit = True
    thread.join()


@pytest.fixture
def open_page(chromium, serve, command):
    """Opens a page; afterwards it must have said nothing and asked nobody else."""
    opened, noise = [], []

    def open_(address, context=None, **settings):
        page = (context or chromium).new_page(**({} if context else {"viewport": WIDE} | settings))
        opened.append(page)
        page.on("console", lambda message: noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("request", lambda request: noise.extend(foreign(request.url, address)))
        page.goto(address)
        return page

    yield open_
    for page in opened:
        page.close()
    assert noise == []


def foreign(url, address):
    return [] if url.startswith((address, "data:", "blob:")) else [url]


def answer_truly(page, made):
    """By the keys that a person would press, who knows the classes; returns what was answered."""
    path = page.locator("#path").inner_text()
    given, truth = path.split("/")[0], made.truth[path]
    if given == truth:
        page.keyboard.press("r")
    elif page.locator("#suggested").inner_text() == f"It is {truth}":
        page.keyboard.press("s")
    else:
        page.keyboard.press("w")
        page.keyboard.type(truth[:4])
        page.keyboard.press("Enter")
    return path


def wait_for(page, answered):
    page.locator("#progress-words", has_text=f"{answered} of ").wait_for()


def test_thirty_images_are_reviewed_by_keyboard_alone_and_all_is_saved(made, command, open_page):
    server = command(made.folder.path, "--most", "30")
    page = open_page(server.address)
    for number in range(30):
        path = answer_truly(page, made)
        wait_for(page, number + 1)
        assert read_answers(made.folder.answers_file)[-1].path == path
    assert page.locator("h2:visible").inner_text() == "All images have an answer"
    assert "platform.data clean" in page.locator("#next").inner_text()
    words = page.locator("#wrong").inner_text()
    code, said = server.interrupted()
    said_of = latest(read_answers(made.folder.answers_file))
    assert len(said_of) == 30
    assert all(one.label == made.truth[path] for path, one in said_of.items())
    wrong = sum(one.answer == "wrong" for one in said_of.values())
    assert wrong >= 10
    assert words.startswith(f"Wrong so far: {wrong} of 30 (")
    assert code == 0
    assert f"30 images of {made.folder.path}: {30 - wrong} right, {wrong} wrong, 0 off-topic" in said
    low = said.split("interval ")[1].split("%")[0]
    assert f"interval {low} % to" in words  # the page and the command count alike


def test_off_topic_unsure_back_and_looking_around(made, serve, open_page):
    address = serve(made.folder.path, 10)
    page = open_page(address)
    paths = []
    for number, key in enumerate("ou"):
        paths.append(page.locator("#path").inner_text())
        page.keyboard.press(key)
        wait_for(page, number + 1)
    assert page.locator("#live").inner_text().startswith("Saved: unsure. Image 3 of 10: is this ")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#path").inner_text() == paths[1]
    assert page.locator("#said").inner_text() == "You said: unsure. A new answer replaces it."
    page.keyboard.press("Backspace")
    wait_for(page, 1)
    page.keyboard.press("b")
    wait_for(page, 0)
    assert page.locator("#path").inner_text() == paths[0]
    assert latest(read_answers(made.folder.answers_file)) == {}
    assert len(read_answers(made.folder.answers_file)) == 4
    page.keyboard.press("b")  # nothing is left to take back
    page.keyboard.press("u")
    wait_for(page, 1)
    assert list(latest(read_answers(made.folder.answers_file))) == [paths[0]]


def test_the_list_of_classes_is_filtered_and_knows_that_one_may_not_know(made, serve, open_page):
    address = serve(made.folder.path, 10)
    page = open_page(address)
    given = page.locator("#path").inner_text().split("/")[0]
    page.keyboard.press("w")
    options = page.locator("#options [role=option]")
    assert options.first.inner_text().splitlines()[-1] == "suggested"
    assert given not in [text.splitlines()[0] for text in options.all_inner_texts()]
    page.keyboard.type("no such class")
    assert page.locator("#more").inner_text() == "No class has this in its name."
    page.keyboard.press("Enter")  # a typing error answers nothing
    page.keyboard.press("Escape")
    assert not page.locator("#chooser").is_visible()
    assert page.locator("#progress-words").inner_text() == "0 of 10 answered"
    page.keyboard.press("w")
    page.keyboard.press("ArrowUp")
    assert page.locator("[aria-selected=true]").inner_text() == "Wrong, but I do not know which class"
    active = page.locator("#filter").get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}[aria-selected=true]").count() == 1
    page.keyboard.press("Enter")
    wait_for(page, 1)
    (answer,) = read_answers(made.folder.answers_file)
    assert (answer.answer, answer.label) == ("wrong", None)


def test_a_reload_goes_on_and_two_browsers_share_the_answers(made, serve, open_page):
    address = serve(made.folder.path, 10)
    first, second = open_page(address), open_page(address)
    for number in range(3):
        first.keyboard.press("r")
        wait_for(first, number + 1)
    place = first.locator("#path").inner_text()
    first.reload()
    assert first.locator("#path").inner_text() == place
    assert first.locator("#progress-words").inner_text() == "3 of 10 answered"
    second.keyboard.press("u")  # it still shows the first image, and hears of the others with its answer
    wait_for(second, 3)
    assert second.locator("#path").inner_text() == place
    assert len(read_answers(made.folder.answers_file)) == 4


def test_a_command_that_has_ended_is_said_and_the_image_stays(chromium, made):
    with served(made.folder.path, "--most", "10") as server:
        page = chromium.new_page()
        page.goto(server.address)
        path = page.locator("#path").inner_text()
        server.process.kill()
        server.process.wait()
        page.keyboard.press("r")
        page.locator("#alert", has_text="Not saved: the command has ended").wait_for()
        assert page.locator("#path").inner_text() == path
        assert page.locator("#progress-words").inner_text() == "0 of 10 answered"
        page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_fits_the_window_and_can_be_used_without_sight(made, serve, open_page, width, scheme):
    address = serve(made.folder.path, 5)
    page = open_page(address, viewport={"width": width, "height": 844}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    box = page.locator('[data-do="unsure"]').bounding_box()
    assert box["y"] + box["height"] <= 844
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert dark == (scheme == "dark")
    assert page.locator("#picture").get_attribute("alt").startswith("image 1 of 5, given label ")
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator("#live").get_attribute("aria-live") == "polite"
    assert page.locator("main").count() == page.locator("h1").count() == 1
    names = page.get_by_role("button").all_inner_texts()
    assert len([name for name in names if name.strip()]) == len(names) == 6
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")  # the focused button answers as its key does
    wait_for(page, 1)


def test_an_image_that_cannot_be_read_is_said(chromium, serve, made):
    address = serve(made.folder.path, 5)
    first = open_review(made.folder.path, None, 5).questions[0]
    (made.photos / first.path).write_text("no image")
    page = chromium.new_page()
    page.goto(address)
    page.locator("#unreadable").wait_for()
    page.keyboard.press("u")
    wait_for(page, 1)
    assert page.locator("#picture").is_visible()
    assert not page.locator("#unreadable").is_visible()
    page.close()


def test_names_of_classes_and_files_stay_text(tmp_path, serve, open_page):
    made = make_audit(tmp_path, a_class=5)
    hostile = "<img src=x onerror=alert(1)>"
    (made.photos / "robin").rename(made.photos / hostile)
    for file in (made.folder.images_file, made.folder.label_scores_file, made.folder.issues_file):
        rename(file, hostile)
    address = serve(made.folder.path, 15)
    page = open_page(address)
    for _ in range(15):
        if hostile in page.locator("#path").inner_text():
            break
        page.keyboard.press("ArrowRight")
    assert page.locator("#question").inner_text() == f"Is this {hostile}?"
    page.keyboard.press("w")
    assert page.locator("#options img").count() <= 3


def rename(file, hostile):
    from platform.datasets.audit.folder import read_table, write_table

    table = read_table(file)
    for column in table.columns:
        if table[column].dtype == object or str(table[column].dtype).startswith("str"):
            table[column] = table[column].str.replace("robin", hostile, regex=False)
    write_table(file, table)


def test_the_file_keeps_answers_downloads_them_and_they_are_taken(
    made, chromium, open_page, tmp_path, run_here
):
    html = tmp_path / "review.html"
    done = run_here(main, "labels", made.folder.path, "--file", html, "--most", "8")
    assert (done.returncode, done.stderr) == (0, "")
    context = chromium.new_context(viewport=WIDE, offline=True)
    page = open_page(html.as_uri(), context)
    paths = []
    for number in range(4):
        paths.append(answer_truly(page, made))
        wait_for(page, number + 1)
    assert page.locator("#picture").get_attribute("src").startswith("data:image/png;base64,")
    assert page.locator("#picture").evaluate("image => image.naturalWidth") == 72
    page.reload()
    assert page.locator("#progress-words").inner_text() == "4 of 8 answered"
    page.keyboard.press("b")
    wait_for(page, 3)
    for number in range(3, 8):
        answer_truly(page, made)
        wait_for(page, number + 1)
    assert f"labels {made.folder.path} --take answers.jsonl" in page.locator("#next").inner_text()
    with page.expect_download() as download:
        page.keyboard.press("d")
    file = tmp_path / "downloaded.jsonl"
    download.value.save_as(file)
    assert download.value.suggested_filename == "answers.jsonl"
    context.close()
    lines = [json.loads(one) for one in file.read_text().splitlines()]
    assert len(lines) == 10
    taken = run_here(main, "labels", made.folder.path, "--take", file)
    assert (taken.returncode, taken.stderr) == (0, "")
    assert taken.stdout.splitlines()[0] == f"added 10 answers of {file}"
    said = latest(read_answers(made.folder.answers_file))
    assert len(said) == 8
    assert all(one.label == made.truth[path] for path, one in said.items())
