/* What the pages of the desk do in the browser: fragments refresh themselves, forms talk to the API.
 *
 * One small file of our own: htmx is on no package index that the lock reads (PyPI has it inside Django's apps only),
 * and nothing is loaded from the internet. Three things happen here:
 *
 *   [data-live=URL]      is fetched again every few seconds and merged, so that focus, scrolling, ticked boxes and
 *                        opened parts stay; it rests while the page is hidden.
 *   [data-open=PANEL]    opens a form beside the table, filled from data-fill; Escape closes it again.
 *   form[data-api=PATH]  is sent as JSON. What came of it is said in words, in a live region, and focus goes back to
 *                        where the reader came from. A refusal stays in the form, with its rule.
 *
 * Ids of cases are sent in bodies only, never in an address.
 */
"use strict";
(() => {
  const words = JSON.parse(document.getElementById("words").textContent);
  const say = (template, values) =>
    template.replace(/\{(\w+)\}/g, (whole, name) => (values[name] === undefined || values[name] === null ? "" : values[name]));

  // ---- merging a fragment into what is shown

  const keyOf = (node) => (node.nodeType === 1 ? node.dataset.key || node.id || "" : "");
  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

  function mergeChildren(shown, fresh) {
    const keyed = new Map();
    for (const child of shown.children) if (keyOf(child)) keyed.set(keyOf(child), child);
    let at = shown.firstChild;
    for (const wanted of Array.from(fresh.childNodes)) {
      const key = keyOf(wanted);
      const found = key ? keyed.get(key) : at && !keyOf(at) && alike(at, wanted) ? at : null;
      if (found && alike(found, wanted)) {
        if (found === at) at = at.nextSibling;
        else shown.insertBefore(found, at);
        merge(found, wanted);
      } else {
        shown.insertBefore(document.importNode(wanted, true), at);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  function merge(shown, fresh) {
    if (shown.isEqualNode(fresh)) return;
    if (shown.nodeType !== 1) {
      shown.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of Array.from(shown.attributes)) {
      // whether a part is open, and which button opened the form, is the reader's doing
      if (!fresh.hasAttribute(name) && name !== "open" && name !== "aria-expanded") shown.removeAttribute(name);
    }
    for (const { name, value } of Array.from(fresh.attributes)) {
      if (name !== "open" && name !== "aria-expanded" && shown.getAttribute(name) !== value) shown.setAttribute(name, value);
    }
    mergeChildren(shown, fresh);
  }

  /** Merges `html` into `region`, and keeps the focus where it was, or puts it to the nearest row that is left. */
  function show(region, html) {
    const active = region.contains(document.activeElement) ? document.activeElement : null;
    const row = active && active.closest("tr[data-key]");
    const after = [];
    for (let next = row && row.nextElementSibling; next; next = next.nextElementSibling) after.push(keyOf(next));
    mergeChildren(region, new DOMParser().parseFromString(html, "text/html").body);
    if (!active || document.activeElement === active) return;
    const left = after.map((key) => region.querySelector(`[data-key="${CSS.escape(key)}"]`)).find(Boolean);
    const same = active.id && document.getElementById(active.id);
    const target = same || (active.isConnected ? active : left && left.querySelector("button, input, a")) || region;
    target.focus({ preventScroll: true });
  }

  // ---- live fragments

  const regions = new Map();
  const LONGEST_PAUSE = 60;
  const stateLine = document.getElementById("live-state");

  function tell(state) {
    if (!stateLine) return;
    const time = new Date().toLocaleTimeString(document.documentElement.lang, { hour12: false });
    const text = say(words.live[state], { time });
    if (stateLine.dataset.state !== state || state === "live") stateLine.textContent = text;
    stateLine.dataset.state = state;
  }

  function wait(region, seconds) {
    const known = regions.get(region);
    clearTimeout(known.timer);
    known.timer = setTimeout(() => refresh(region), seconds * 1000);
  }

  async function refresh(region) {
    const known = regions.get(region);
    if (!known || !region.isConnected || !region.dataset.live) return;
    clearTimeout(known.timer);
    if (known.asking) known.asking.abort();
    if (document.hidden) return;
    const every = Number(region.dataset.every || 5);
    const asking = new AbortController();
    known.asking = asking;
    const url = region.dataset.live;
    const headers = known.url === url && known.tag ? { "If-None-Match": known.tag } : {};
    const timer = setTimeout(() => asking.abort("slow"), 20000);
    try {
      const answer = await fetch(url, { headers, signal: asking.signal, cache: "no-store", credentials: "same-origin" });
      if (answer.status === 401 || answer.status === 403) {
        tell("signed_out");
        return;
      }
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(String(answer.status));
        const html = await answer.text();
        if (known.asking !== asking || region.dataset.live !== url) return;
        show(region, html);
        known.tag = answer.headers.get("ETag");
        known.url = url;
        region.dispatchEvent(new CustomEvent("fresh", { bubbles: true }));
      }
      known.failed = 0;
      tell("live");
      wait(region, every);
    } catch {
      if (known.asking !== asking) return;
      known.failed = (known.failed || 0) + 1;
      tell("lost");
      wait(region, Math.min(LONGEST_PAUSE, every * 2 ** known.failed));
    } finally {
      clearTimeout(timer);
      if (known.asking === asking) known.asking = null;
    }
  }

  function follow(region, delay) {
    if (!regions.has(region)) regions.set(region, {});
    wait(region, delay);
  }

  const refreshAll = () => Promise.all(Array.from(regions.keys(), refresh));

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) tell("paused");
    else refreshAll();
  });

  // ---- panels

  const panels = Array.from(document.querySelectorAll("[data-panel]"));
  const nothingOpen = document.getElementById("nothing-open");
  let cameFrom = null;

  const opener = () => (cameFrom && (document.getElementById(cameFrom.id) || (cameFrom.isConnected && cameFrom))) || null;

  function forget(form) {
    delete form.dataset.key;
    refusal(form, "");
  }

  function closePanels({ focus }) {
    for (const panel of panels) {
      panel.hidden = true;
      for (const region of panel.querySelectorAll("[data-live]")) {
        const known = regions.get(region);
        if (known) clearTimeout(known.timer);
        regions.delete(region);
        region.removeAttribute("data-live");
        region.replaceChildren();
      }
    }
    for (const button of document.querySelectorAll("[data-open][aria-expanded=true]")) button.setAttribute("aria-expanded", "false");
    if (nothingOpen) nothingOpen.hidden = false;
    if (focus) {
      const back = opener() || document.querySelector("main");
      back.focus({ preventScroll: false });
    }
    if (focus) cameFrom = null;
  }

  function openPanel(button) {
    const panel = document.getElementById(button.dataset.open);
    const fill = JSON.parse(button.dataset.fill || "{}");
    closePanels({ focus: false });
    cameFrom = button;
    button.setAttribute("aria-expanded", "true");
    if (nothingOpen) nothingOpen.hidden = true;
    panel.hidden = false;
    for (const form of panel.querySelectorAll("form")) {
      form.reset();
      forget(form);
    }
    for (const place of panel.querySelectorAll("[data-show]")) place.textContent = fill[place.dataset.show] ?? "";
    for (const form of panel.querySelectorAll("form")) {
      for (const [name, value] of Object.entries(fill)) {
        const field = form.elements.namedItem(name);
        if (field && "value" in field) field.value = value ?? "";
      }
      // a case is not handed to whoever has it
      for (const option of form.querySelectorAll("option[data-collector]")) {
        option.disabled = option.hidden = option.dataset.collector === fill.from_collector_id;
      }
    }
    for (const region of panel.querySelectorAll("[data-load]")) {
      region.dataset.live = fill.url;
      regions.set(region, {});
      refresh(region).then(count);
    }
    const first = panel.querySelector("[data-first]") || panel.querySelector("input:not([type=hidden]), select, textarea, button");
    first.focus();
    if (first.select) first.select();
    panel.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-open]");
    if (button) openPanel(button);
    if (event.target.closest("[data-close]")) closePanels({ focus: true });
    const turn = event.target.closest("[data-turn]");
    if (turn) {
      const region = turn.closest("[data-live]");
      region.dataset.live = turn.dataset.turn;
      refresh(region).then(count);
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panels.some((panel) => !panel.hidden)) {
      event.preventDefault();
      closePanels({ focus: true });
    }
  });

  // ---- ticking rows: boxes of these names are sent as a list; they may stand outside of their form (form=ID)

  const TICKS = "input[type=checkbox][name=case_ids], input[type=checkbox][name=task_keys]";
  const boxesOf = (form) => Array.from(form.elements).filter((field) => field.matches(TICKS));

  function count() {
    for (const form of document.querySelectorAll("form[data-api]")) {
      const place = form.querySelector("[data-count]");
      if (!place) continue;
      const boxes = boxesOf(form);
      const ticked = boxes.filter((box) => box.checked).length;
      place.textContent = say(words.ticked, { n: ticked, of: boxes.length });
      const all = Array.from(form.elements).find((field) => field.matches("[data-all]"));
      if (all) {
        all.checked = ticked > 0 && ticked === boxes.length;
        all.indeterminate = ticked > 0 && ticked < boxes.length;
      }
    }
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) {
      for (const box of boxesOf(event.target.form)) box.checked = event.target.checked;
    }
    if (event.target.matches(`[data-all], ${TICKS}`)) count();
    if (event.target.matches("select[data-goes]")) event.target.form.requestSubmit();
  });
  document.addEventListener("fresh", count);

  // ---- forms

  const outcome = document.getElementById("outcome");

  function announce(text, mood) {
    outcome.className = `outcome ${mood}`;
    outcome.textContent = "";
    // a live region that gets the same text twice stays silent: it is emptied first
    requestAnimationFrame(() => {
      outcome.textContent = text;
    });
  }

  function refusal(form, text) {
    const place = form.querySelector("[data-refusal]");
    if (place) place.textContent = text;
  }

  function bodyOf(form, pressed) {
    const body = {};
    for (const field of form.elements) {
      if (!field.name || field.disabled) continue;
      // of several buttons only the one that was pressed says something
      if (field.type === "submit" && field !== pressed) continue;
      if (field.matches(TICKS)) {
        body[field.name] = body[field.name] || [];
        if (field.checked) body[field.name].push(field.value);
      } else if (field.dataset.in === "path") {
        continue;
      } else if (field.type === "number") {
        body[field.name] = field.value === "" ? null : Number(field.value);
      } else if (field.dataset.type === "flag") {
        body[field.name] = field.value === "true";
      } else {
        body[field.name] = field.value.trim() === "" ? null : field.value.trim();
      }
    }
    return body;
  }

  const randomKey = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  /** A refusal in words: those of the rule in the reader's language if there are any, else the server's. */
  function refusedBecause(status, answer) {
    if (status === 401) return words.signed_out;
    const rule = answer && typeof answer.rule === "string" ? answer.rule : "";
    // a limit of the rules has the same status as too many requests: the rule tells them apart
    if (status === 429 && !rule) return words.too_often;
    const said = [answer.expected && say(words.expected, answer), answer.found && say(words.found, answer), answer.action]
      .filter(Boolean)
      .join(" ");
    const told = words.rules[rule] || (typeof answer.detail === "string" ? answer.detail : "") || said || say(words.failed, { status });
    return rule ? say(words.by_rule, { told, rule }) : told;
  }

  function notDone(answer) {
    const rules = new Map();
    for (const each of answer.refused || []) {
      const rule = Array.isArray(each) ? each[1] : each.rule;
      rules.set(rule, (rules.get(rule) || 0) + 1);
    }
    return Array.from(rules, ([rule, n]) => say(words.left_out, { n, why: words.rules[rule] || rule, rule })).join(" ");
  }

  const clockTime = (instant) =>
    new Date(instant).toLocaleTimeString(document.documentElement.lang, {
      hour: "2-digit",
      minute: "2-digit",
      hour12: false,
      timeZone: document.body.dataset.zone,
    });

  function doneIn(form, body, answer) {
    const list = answer.done || answer.cases || [];
    const to = form.elements.namedItem("to");
    const values = { ...Object.fromEntries(new FormData(form)), ...body, ...answer, n: Array.isArray(list) ? list.length : list };
    if (answer.given) {
      const given = Object.values(answer.given);
      values.spread = given.reduce((sum, each) => sum + each, 0);
      values.people = given.length;
    }
    if (to && to.selectedOptions) values.to = to.selectedOptions[0].textContent.trim();
    const until = answer.lease_until ? ` ${say(words.lease_until, { time: clockTime(answer.lease_until) })}` : "";
    const absent = values.absent === true || values.absent === "true";
    const back = values.decision === "reject" || ("absent" in values && !absent);
    const template = (back && form.dataset.doneBack) || form.dataset.done;
    const empty = values.quota === null || values.batch === null;
    return `${say(empty && form.dataset.doneEmpty ? form.dataset.doneEmpty : template, values)}${values.n ? until : ""} ${notDone(answer)}`.trim();
  }

  const isOpen = (form) => !form.closest("[data-panel][hidden]");

  async function send(form, pressed) {
    if (form.dataset.sending) return;
    const body = bodyOf(form, pressed);
    refusal(form, "");
    const boxes = boxesOf(form);
    if (boxes.length && !boxes.some((box) => box.checked)) {
      refusal(form, words.tick_one);
      boxes[0].focus();
      return;
    }
    const path = form.dataset.api.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(form.elements.namedItem(name).value));
    // the key stays with what is asked: a second try after a lost answer is the same request, another body is not
    const asked = `${form.dataset.method || "POST"} ${path} ${JSON.stringify(body)}`;
    if (form.dataset.asked !== asked || !form.dataset.key) {
      form.dataset.asked = asked;
      form.dataset.key = randomKey();
    }
    form.dataset.sending = "yes";
    form.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(path, {
        method: form.dataset.method || "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json", "Idempotency-Key": form.dataset.key },
        body: JSON.stringify(body),
        credentials: "same-origin",
      });
      const told = await answer.json().catch(() => ({}));
      if (!answer.ok) {
        const why = refusedBecause(answer.status, told);
        refusal(form, why);
        if (answer.status < 500) delete form.dataset.key;
        refreshAll();
        return;
      }
      delete form.dataset.key;
      announce(doneIn(form, body, told), (told.refused || []).length ? "warn" : "good");
      if ("stays" in form.dataset) {
        for (const box of boxesOf(form)) box.checked = false;
        // every decision has its own reason; earlier ones are offered in the list
        const reason = form.elements.namedItem("reason");
        if (reason) reason.value = "";
        await refreshAll();
        count();
        const next = boxesOf(form)[0] || form.querySelector("[data-close]") || form.querySelector("button");
        if (isOpen(form)) next.focus({ preventScroll: true });
      } else {
        await refreshAll();
        // while the page was read anew the reader may have opened another form: that one stays
        if (isOpen(form)) closePanels({ focus: true });
      }
    } catch {
      refusal(form, words.no_answer);
    } finally {
      delete form.dataset.sending;
      form.removeAttribute("aria-busy");
    }
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-api]")) return;
    event.preventDefault();
    send(event.target, event.submitter);
  });

  count();
  for (const region of document.querySelectorAll("[data-live]")) follow(region, Number(region.dataset.every || 5));
  if (regions.size) tell("live");
})();
