"use strict";
(() => {
  // Figures name their colours as var(--name): plotly does not know CSS variables, so their values go in here.
  const named = /^var\((--[a-z0-9-]+)\)$/;
  const coloured = (part, style) => {
    if (typeof part === "string") {
      const match = named.exec(part);
      return match ? style.getPropertyValue(match[1]).trim() : part;
    }
    if (Array.isArray(part)) return part.map((one) => coloured(one, style));
    if (part && typeof part === "object") {
      return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, coloured(value, style)]));
    }
    return part;
  };
  const draw = (plot) => {
    const style = getComputedStyle(document.documentElement);
    const spec = coloured(JSON.parse(document.getElementById(plot.dataset.spec).textContent), style);
    spec.layout.font.family = style.getPropertyValue("--sans");
    spec.layout.autosize = true;
    Plotly.react(plot, spec.data, spec.layout, {
      displaylogo: false,
      responsive: true,
      toImageButtonOptions: { format: "svg", filename: plot.dataset.spec.replace(/^spec-/, "") },
      modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
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
  plots.forEach((plot) => seen.observe(plot));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));
  addEventListener("beforeprint", () => plots.forEach((plot) => { drawn.add(plot); draw(plot); }));

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
  for (const table of document.querySelectorAll("table.sortable")) {
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
