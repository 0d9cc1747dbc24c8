"use strict";
(() => {
  const data = JSON.parse(document.getElementById("review").textContent);
  const isServed = data.mode === "server";
  const questions = data.questions;
  const placeOf = new Map(questions.map((one, place) => [one.path, place]));
  const classes = new Map(data.classes.map((name, place) => [name, place]));
  const by = (id) => document.getElementById(id);
  const SHOWN_OPTIONS = 60;
  const SMALL = 200; // px: a smaller picture is enlarged without blurring
  const WORDS = { right: "right", wrong: "wrong", off_topic: "off-topic", unsure: "unsure" };
  const UNKNOWN = "Wrong, but I do not know which class";

  // Answers. `lines` are those of answers.jsonl in their order; the last one of a path counts.

  let lines = data.lines;
  let next = data.next;
  const storageKey = `review:${data.key}`;
  const stored = () => {
    try {
      return JSON.parse(localStorage.getItem(storageKey) ?? "[]");
    } catch {
      return [];
    }
  };
  const kept = isServed ? null : { lines: stored() };

  const allLines = () => (isServed ? lines : [...lines, ...kept.lines]);
  const latest = () => {
    const found = new Map();
    for (const line of allLines()) {
      if (line.undone) found.delete(line.path);
      else found.set(line.path, line);
    }
    return found;
  };
  let answers = latest();
  // Images that can be taken back, the last one at the end: those of earlier pages, then those of this one.
  const history = [];
  for (const line of allLines()) {
    const before = history.indexOf(line.path);
    if (before >= 0) history.splice(before, 1);
    if (!line.undone && placeOf.has(line.path)) history.push(line.path);
  }

  const alertWith = (words) => {
    by("alert").textContent = words;
    by("alert").hidden = !words;
  };

  const saveOnServer = async (line) => {
    const response = await fetch("answers", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...line, known: lines.length }),
    }).catch(() => null);
    if (response === null || response.status === 403) {
      alertWith("Not saved: the command has ended. Start it again and open the address that it prints; earlier answers are saved.");
      return false;
    }
    const said = await response.json();
    if (!response.ok) {
      alertWith(`Not saved: ${said.detail}`);
      return false;
    }
    lines = [...lines.slice(0, said.start), ...said.lines];
    next = said.next;
    return true;
  };

  const saveInBrowser = (line) => {
    const whole = { ...line, at: new Date().toISOString() };
    if (!whole.undone) delete whole.undone;
    try {
      const others = stored(); // another tab may have added some
      localStorage.setItem(storageKey, JSON.stringify([...others, whole]));
      kept.lines = stored();
    } catch {
      kept.lines = [...kept.lines, whole];
      alertWith("This browser keeps no answers: download them before you close the page.");
    }
    return true;
  };

  const save = async (line) => {
    alertWith("");
    const isSaved = await (isServed ? saveOnServer(line) : saveInBrowser(line));
    answers = latest();
    return isSaved;
  };

  const download = () => {
    const text = kept.lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/jsonl" }));
    link.download = "answers.jsonl";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  // What has been found so far.

  const wilson = (hits, total) => {
    const z = 1.959963984540054;
    const share = hits / total;
    const middle = share + (z * z) / (2 * total);
    const half = z * Math.sqrt((share * (1 - share)) / total + (z * z) / (4 * total * total));
    const scale = 1 + (z * z) / total;
    return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
  };
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const counts = () => {
    const found = { right: 0, wrong: 0, off_topic: 0, unsure: 0 };
    for (const line of answers.values()) found[line.answer] += 1;
    return found;
  };
  const shareWords = () => {
    const found = counts();
    const wrong = found.wrong + found.off_topic;
    const decided = wrong + found.right;
    if (decided === 0) return "";
    const [low, high] = wilson(wrong, decided);
    return `Wrong so far: ${wrong} of ${decided} (${percent(wrong / decided)}, 95 % interval ${percent(low)} to ${percent(high)})`;
  };

  // Pictures.

  const address = (row, size) => (isServed ? `picture/${row}/${size}` : data.pictures[`${row}/${size}`]);
  const sharpen = (event) => {
    const image = event.target;
    image.classList.toggle("pixelated", Math.max(image.naturalWidth, image.naturalHeight) < SMALL && image.id === "picture"
      || Math.max(image.naturalWidth, image.naturalHeight) < 40);
  };
  const small = (row, words) => {
    const source = address(row, "small");
    if (!source) return null;
    const image = document.createElement("img");
    image.loading = "lazy";
    image.alt = words;
    image.addEventListener("load", sharpen);
    image.addEventListener("error", () => image.remove());
    image.src = source;
    return image;
  };
  const examplesOf = (name, heading, apart) => {
    const rows = (data.examples[classes.get(name)] ?? []).filter((row) => row !== apart);
    const images = rows.map((row, place) => small(row, `example ${place + 1} of ${name}`)).filter(Boolean);
    if (!images.length) return null;
    const block = document.createElement("section");
    const title = document.createElement("h3");
    title.textContent = `${heading} ${name}`;
    const strip = document.createElement("div");
    strip.className = "strip";
    strip.append(...images);
    block.append(title, strip);
    return block;
  };

  by("picture").addEventListener("load", sharpen);
  by("picture").addEventListener("error", () => {
    by("picture").hidden = true;
    by("unreadable").hidden = false;
  });

  // A name may break after each of its words, also where they are joined by underscores.
  const breakable = (element, ...parts) => {
    const pieces = parts.join("").split(/(?<=[_/.-])/);
    element.replaceChildren(...pieces.flatMap((piece, order) => (order ? [document.createElement("wbr"), piece] : [piece])));
  };

  // The question that is shown.

  let place = 0;
  const isDone = () => !by("done").hidden;
  const firstOpen = (from) => {
    for (let step = 0; step < questions.length; step += 1) {
      const one = (from + step) % questions.length;
      if (!answers.has(questions[one].path)) return one;
    }
    return -1;
  };
  const inWords = (line) => {
    if (line.answer === "wrong") return line.label === null ? "wrong, class not known" : `wrong, it is ${line.label}`;
    return WORDS[line.answer];
  };

  const showCounts = () => {
    const answered = questions.filter((one) => answers.has(one.path)).length;
    by("progress-words").textContent = `${answered} of ${questions.length} answered`;
    by("progress").max = Math.max(questions.length, 1);
    by("progress").value = answered;
    by("wrong").textContent = shareWords();
    if (!isServed) {
      const number = kept.lines.length;
      by("kept").textContent = number ? `${number} answers are kept in this browser only.` : "Answers are kept in this browser until you download them.";
    }
    for (const button of document.querySelectorAll('[data-do="undo"]')) button.disabled = !history.length;
  };

  const show = (which) => {
    place = which;
    const one = questions[which];
    const line = answers.get(one.path);
    by("ask").hidden = false;
    by("done").hidden = true;
    breakable(by("question"), "Is this ", one.label, "?");
    by("why").textContent = `Why it is asked: ${one.why}`;
    breakable(by("path"), one.path);
    by("said").hidden = !line;
    by("said").textContent = line ? `You said: ${inWords(line)}. A new answer replaces it.` : "";
    by("unreadable").hidden = true;
    by("picture").hidden = false;
    by("picture").alt = `image ${which + 1} of ${questions.length}, given label ${one.label}`;
    by("picture").src = address(one.row, "large");
    const suggested = one.suggested;
    const button = document.querySelector('[data-do="suggested"]');
    button.hidden = suggested === null;
    breakable(by("suggested"), suggested === null ? "" : `It is ${suggested}`);
    for (const each of document.querySelectorAll(".actions [data-do]")) {
      const isSuggested = line?.answer === "wrong" && line.label === suggested && suggested !== null;
      const said = isSuggested ? "suggested" : line?.answer;
      each.classList.toggle("chosen", each.dataset.do === said);
    }
    const blocks = [examplesOf(one.label, "Given label:", one.row)];
    if (suggested !== null) blocks.push(examplesOf(suggested, "Suggested:", one.row));
    by("examples").replaceChildren(...blocks.filter(Boolean));
    showCounts();
    if (isServed) {
      for (const ahead of questions.slice(which + 1, which + 3)) new Image().src = address(ahead.row, "large");
    }
  };

  const showDone = () => {
    by("ask").hidden = true;
    by("done").hidden = false;
    const rows = Object.entries(counts()).flatMap(([name, number]) => {
      const term = document.createElement("dt");
      term.textContent = WORDS[name];
      const value = document.createElement("dd");
      value.textContent = String(number);
      return [term, value];
    });
    by("counts").replaceChildren(...rows);
    by("share").textContent = shareWords() ? `${shareWords()}; of the images reviewed, where suspects come first unless you asked for a sample.` : "";
    by("next").textContent = next.join("\n");
    showCounts();
    by("done-heading").focus();
  };

  const announce = (words) => {
    by("live").textContent = words;
  };
  const goOn = (from, words) => {
    const open = firstOpen(from);
    if (open < 0) {
      showDone();
      announce(`${words}. All images have an answer.`);
    } else {
      show(open);
      announce(`${words}. Image ${open + 1} of ${questions.length}: is this ${questions[open].label}?`);
    }
  };

  // What keys and buttons do.

  const answer = async (said, label = null) => {
    const one = questions[place];
    if (!(await save({ path: one.path, answer: said, label }))) return;
    const before = history.indexOf(one.path);
    if (before >= 0) history.splice(before, 1);
    history.push(one.path);
    goOn(place + 1, `Saved: ${inWords({ answer: said, label })}`);
  };
  const undo = async () => {
    const path = history.at(-1);
    if (path === undefined) return;
    if (!(await save({ path, answer: "unsure", label: null, undone: true }))) return;
    history.pop();
    show(placeOf.get(path));
    announce(`Taken back. Image ${place + 1} of ${questions.length}: is this ${questions[place].label}?`);
  };
  const look = (step) => {
    if (isDone()) {
      if (step < 0) show(questions.length - 1);
    } else {
      const to = place + step;
      if (to < 0 || to >= questions.length) return;
      show(to);
    }
    const line = answers.get(questions[place].path);
    announce(`Image ${place + 1} of ${questions.length}: is this ${questions[place].label}?${line ? ` You said: ${inWords(line)}.` : ""}`);
  };
  const actions = {
    right: () => answer("right", questions[place].label),
    suggested: () => {
      const name = questions[place].suggested;
      return name === null ? null : answer("wrong", name);
    },
    wrong: () => openChooser(),
    off_topic: () => answer("off_topic"),
    unsure: () => answer("unsure"),
    undo,
    before: () => look(-1),
    after: () => look(1),
    download: () => (isServed ? null : download()),
  };
  const KEYS = {
    r: "right", s: "suggested", w: "wrong", o: "off_topic", u: "unsure", b: "undo", backspace: "undo",
    arrowleft: "before", arrowright: "after", d: "download",
  };
  const WHEN_DONE = new Set(["undo", "before", "download"]);
  // One after another: a key that is pressed while an answer is saved counts for the image that follows.
  let queue = Promise.resolve();
  const act = (name) => {
    queue = queue.then(() => (isDone() && !WHEN_DONE.has(name) ? null : actions[name]()));
  };

  // The list of classes.

  const chooser = by("chooser");
  let options = [];
  let active = -1;
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const folded = data.classes.map((name) => [name, fold(name)]);
  const matching = (typed) => {
    const one = questions[place];
    const first = new Set(one.likely);
    const others = folded.filter(([name]) => name !== one.label && !first.has(name));
    const all = [...one.likely.map((name) => [name, fold(name)]), ...others];
    if (!typed) return all.map(([name]) => name);
    const rank = (text) => (text === typed ? 0 : text.startsWith(typed) ? 1 : 2);
    return all
      .filter(([, text]) => text.includes(typed))
      .map((pair, order) => [rank(pair[1]), order, pair[0]])
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])
      .map(([, , name]) => name);
  };
  const select = (which) => {
    active = which;
    by("options").childNodes.forEach((item, order) => item.setAttribute("aria-selected", String(order === active)));
    const item = by("options").childNodes[active];
    if (item) {
      by("filter").setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    } else {
      by("filter").removeAttribute("aria-activedescendant");
    }
  };
  const fill = () => {
    const typed = fold(by("filter").value.trim());
    const names = matching(typed);
    options = [...names.slice(0, SHOWN_OPTIONS), null];
    const likely = new Set(questions[place].likely);
    by("options").replaceChildren(...options.map((name, order) => {
      const item = document.createElement("li");
      item.id = `option-${order}`;
      item.setAttribute("role", "option");
      const row = name === null ? undefined : data.examples[classes.get(name)]?.[0];
      const image = row === undefined ? null : small(row, "");
      const words = document.createElement("span");
      words.textContent = name === null ? UNKNOWN : name;
      item.append(...[image, words].filter(Boolean));
      if (likely.has(name)) {
        const hint = document.createElement("span");
        hint.className = "hint";
        hint.textContent = name === questions[place].suggested ? "suggested" : "likely";
        item.append(hint);
      }
      item.addEventListener("click", () => choose(order));
      return item;
    }));
    const left = names.length - SHOWN_OPTIONS;
    by("more").textContent = !names.length ? "No class has this in its name." : left > 0 ? `${left} more: type to narrow the list.` : "";
    select(names.length ? 0 : -1); // so that a typing error and Enter do not say "not known"
  };
  const openChooser = () => {
    by("filter").value = "";
    chooser.showModal();
    fill();
    by("filter").focus();
  };
  const choose = (which) => {
    if (which < 0 || which >= options.length) return;
    const name = options[which];
    chooser.close();
    queue = queue.then(() => answer("wrong", name));
  };
  by("filter").addEventListener("input", fill);
  chooser.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      choose(active);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      select((active + step + options.length + (active < 0 && step < 0 ? 1 : 0)) % options.length);
    }
  });

  document.addEventListener("keydown", (event) => {
    if (chooser.open || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const name = KEYS[event.key.toLowerCase()];
    if (!name) return;
    event.preventDefault();
    act(name);
  });
  for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", () => act(button.dataset.do));
  if (!isServed) {
    addEventListener("storage", () => {
      kept.lines = stored();
      answers = latest();
      showCounts();
    });
  }

  const start = firstOpen(0);
  if (start < 0) showDone();
  else show(start);
})();
