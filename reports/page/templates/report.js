"use strict";
(() => {
  // Figures name their colours as var(--name): plotly does not know CSS variables, so their values go in here.
  const named = /^var\((--[a-z0-9-]+)\)$/;
  const withStrings = (part, change) => {
    if (typeof part === "string") return change(part);
    if (Array.isArray(part)) return part.map((one) => withStrings(one, change));
    if (part && typeof part === "object") {
      return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, withStrings(value, change)]));
    }
    return part;
  };
  const shownStyle = getComputedStyle(document.documentElement);
  const lightStyle = document.styleSheets[0].cssRules[0].style;
  const colour = (style, name) => style.getPropertyValue(name).trim();

  // Plotly's script is in the page as base64 of gzip. The page's policy allows it by its hash.
  const loadPlotly = async () => {
    const packed = atob(document.getElementById("plotly").textContent);
    const bytes = new Uint8Array(packed.length);
    for (let place = 0; place < packed.length; place += 1) bytes[place] = packed.charCodeAt(place);
    const gunzip = new DecompressionStream("gzip");
    const writer = gunzip.writable.getWriter();
    writer.write(bytes);
    writer.close();
    const script = document.createElement("script");
    script.textContent = await new Response(gunzip.readable).text();
    document.head.append(script);
  };

  // Saves a figure as it is shown, zoomed and with traces hidden, but always in the light colours.
  const save = (plot) => {
    const names = Array.from(lightStyle).filter((name) => name.startsWith("--"));
    const light = new Map(names.map((name) => [colour(shownStyle, name), colour(lightStyle, name)]));
    const { data, layout } = withStrings({ data: plot.data, layout: plot.layout }, (text) => light.get(text) ?? text);
    Plotly.downloadImage({ data, layout: { ...layout, paper_bgcolor: colour(lightStyle, "--surface") } }, {
      format: "svg",
      filename: plot.dataset.spec.replace(/^spec-/, ""),
      width: plot.clientWidth,
      height: plot.clientHeight,
    });
  };
  const draw = (plot, style = shownStyle, width = undefined) => {
    const value = (text) => (named.test(text) ? colour(style, named.exec(text)[1]) : text);
    const spec = withStrings(JSON.parse(document.getElementById(plot.dataset.spec).textContent), value);
    spec.layout.font.family = colour(style, "--sans");
    spec.layout.autosize = width === undefined;
    spec.layout.width = width;
    Plotly.react(plot, spec.data, spec.layout, {
      displaylogo: false,
      responsive: true,
      modeBarButtonsToRemove: ["toImage", "lasso2d", "select2d", "autoScale2d"],
      modeBarButtonsToAdd: [{ name: "save", title: "Save as SVG", icon: Plotly.Icons.camera, click: save }],
    });
  };
  const plots = [...document.querySelectorAll(".plot")];
  const drawn = new Set();
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      drawn.add(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "600px" });
  const drawWhenSeen = () => {
    plots.forEach((plot) => seen.observe(plot));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach((plot) => draw(plot)));
    // On paper all figures are drawn, in the light colours and as wide as a column of the page's print layout.
    addEventListener("beforeprint", () => plots.forEach((plot) => {
      drawn.add(plot);
      draw(plot, lightStyle, plot.closest(".grid") ? 318 : 660);
    }));
    addEventListener("afterprint", () => drawn.forEach((plot) => draw(plot)));
  };
  if (plots.length) {
    loadPlotly().then(drawWhenSeen, (error) => {
      plots.forEach((plot) => { plot.textContent = `This browser cannot draw the figure: ${error.message}`; });
    });
  }

  const cellValue = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.value === undefined) return cell.textContent.trim();
    return cell.dataset.value === "" ? NaN : Number(cell.dataset.value);
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), undefined, { numeric: true });
  };
  const isMissing = (value) => value === "" || Number.isNaN(value);
  const sortBy = (table, column, descending) => {
    const rows = [...table.tBodies[0].rows].map((row) => [cellValue(row, column), row]);
    rows.sort(([a], [b]) => {
      if (isMissing(a) || isMissing(b)) return isMissing(a) - isMissing(b);
      return descending ? compare(b, a) : compare(a, b);
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.querySelector("button")?.addEventListener("click", () => {
        const descending = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        sortBy(table, column, descending);
      });
    });
  }

  // Columns are shown that are checked; a table without this script shows all.
  for (const chooser of document.querySelectorAll("details.columns")) {
    const rows = [...document.getElementById(chooser.dataset.table).rows].filter((row) => row.cells.length > 1);
    const show = (box) => rows.forEach((row) => { row.cells[box.value].hidden = !box.checked; });
    for (const box of chooser.querySelectorAll("input")) {
      box.addEventListener("change", () => show(box));
      show(box);
    }
    chooser.hidden = false;
  }

  // A row is shown that holds every word of the text, and what each choice says; it stays in its place otherwise.
  for (const form of document.querySelectorAll("form.filter")) {
    const rows = [...document.getElementById(form.dataset.table).tBodies[0].rows];
    const choices = [...form.querySelectorAll("select")];
    const text = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const filter = () => {
      const words = form.querySelector("input").value.toLowerCase().split(/\s+/);
      const fits = (row) => words.every((word) => text.get(row).includes(word))
        && choices.every((one) => one.value === "" || row.dataset[one.dataset.key] === one.value);
      rows.forEach((row) => { row.hidden = !fits(row); });
      const shown = rows.filter((row) => !row.hidden).length;
      form.querySelector("output").textContent = `${shown} of ${rows.length} trials`;
    };
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    filter();
  }

  for (const box of document.querySelectorAll("input[data-filters]")) {
    const items = [...document.getElementById(box.dataset.filters).children];
    const count = document.getElementById(`${box.dataset.filters}-count`);
    box.addEventListener("input", () => {
      const wanted = box.value.trim().toLowerCase();
      items.forEach((item) => { item.hidden = !item.dataset.labels.toLowerCase().includes(wanted); });
      count.textContent = wanted ? `${items.filter((item) => !item.hidden).length} of ${items.length}` : "";
    });
  }
})();
