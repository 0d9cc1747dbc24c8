"use strict";
(() => {
  // Nobody writes this page while the scheduler is dead, so the page itself must notice.
  const note = document.getElementById("stale");
  const expected = Date.parse(note.dataset.expected);
  const check = () => { note.hidden = !(Date.now() > expected); };
  check();
  setInterval(check, 60000);
  // A link to a night opens what is folded around it.
  const open = () => {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const folded = row?.closest("details");
    if (folded) folded.open = true;
    row?.scrollIntoView({ block: "center" });
  };
  addEventListener("hashchange", open);
  if (location.hash) open();
})();
