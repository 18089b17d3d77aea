/* What the page Outreach does beside arrears.js: draws the funnel from the data that the live part brings along, and
 * shows a case's contacts anew after something was changed.
 *
 * Vega reads expressions without eval (ast), since the page allows no script but the site's own files.
 */
"use strict";
(() => {
  const place = document.getElementById("funnel-chart");
  let drawn = null;
  let view = null;

  function coloured(spec) {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink").trim();
    const soft = style.getPropertyValue("--soft").trim();
    const line = style.getPropertyValue("--line").trim();
    const config = { ...spec.config };
    config.axis = { ...config.axis, labelColor: ink, titleColor: soft, gridColor: line, domainColor: line };
    config.legend = { ...config.legend, labelColor: ink };
    return { ...spec, config };
  }

  async function draw() {
    const data = document.getElementById("funnel-spec");
    if (!place || !data || data.textContent === drawn) return;
    drawn = data.textContent;
    // what was planned is the ground of a bar, and has the colour of lines
    const line = getComputedStyle(document.documentElement).getPropertyValue("--line").trim();
    const spec = JSON.parse(drawn.replaceAll("#d5dbe3", line));
    document.getElementById("chart-panel").hidden = spec === null;
    if (view) view.finalize();
    view = null;
    if (spec === null) return;
    // no styles of its own either: arrears.css has those of the tooltip
    const tooltip = { disableDefaultStyle: true };
    view = await window.vegaEmbed(place, coloured(spec), { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip });
  }

  document.addEventListener("fresh", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    drawn = null;
    draw();
  });
  draw();

  // ---- a case's contacts, asked for by a form and so not a live part

  const history = document.getElementById("history");
  const form = document.getElementById("history-form");

  async function again() {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      credentials: "same-origin",
    });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("history");
    if (fresh) history.replaceChildren(...Array.from(fresh.childNodes, (node) => document.importNode(node, true)));
    document.dispatchEvent(new CustomEvent("fresh"));
  }

  if (history) {
    const told = new MutationObserver(() => {
      if (document.getElementById("outcome").textContent) again();
    });
    told.observe(document.getElementById("outcome"), { childList: true });
  }
})();
