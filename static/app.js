/* What scripts add to pages that work without them: dialogs, toasts, Copy, keys, busy buttons, the live log.
   Everything is bound to attributes; no page has a script of its own. */
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const say = (text) => { $("#say").textContent = text; };
  const place = $("#dialog");
  let opener = null;

  /* --- dialogs: a link with data-dialog opens its address in #dialog; steps replace one another there --- */
  const shown = () => $("dialog", place);

  function openDialog(link) {
    opener = link;
    htmx.ajax("GET", link.href, { source: link, target: "#dialog", swap: "innerHTML show:none" });
  }

  function showDialog() {
    const dialog = shown();
    if (!dialog || dialog.matches(":modal")) return;
    dialog.removeAttribute("open");
    dialog.showModal();
    const field = ".body :is(input:not([type=hidden]), select, textarea)";
    ($("[aria-invalid=true]", dialog) || $("[autofocus]", dialog) || $(field, dialog) || $("footer :is(button, a)", dialog))?.focus();
    dialog.addEventListener("close", () => {
      if (dialog.isConnected) place.replaceChildren();
      const back = opener?.isConnected ? opener : opener && $$("a[data-dialog]").find((a) => a.href === opener.href);
      if (!shown()) back?.focus();
    });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    const plain = link && !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (plain && link.matches("[data-close]") && shown()?.contains(link)) {
      event.preventDefault();
      shown().close();
    } else if (plain && link.matches("[data-dialog]") && !place.contains(link)) {
      event.preventDefault();
      openDialog(link);
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) copyText(copy);
    for (const menu of $$("details:is(.menu, .shop)[open]")) if (!menu.contains(event.target)) menu.open = false;
  }, true);

  /* An answer for the dialog that is no dialog is a page: go there. */
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (ctx.target !== place || ctx.response.status >= 400 && ctx.response.status !== 422) return;
    if (/<dialog\b/.test(ctx.text) && !/<html\b/i.test(ctx.text)) return;
    event.preventDefault();
    location.assign(ctx.response.raw.url);
  });
  document.addEventListener("htmx:after:swap", showDialog);

  /* What htmx could not do stands where the reader is; what was typed stays. */
  function tell(html) {
    const where = shown() ? $(".body", place) : $("#main");
    $(":scope > [data-problem]", where)?.remove();
    const box = document.createElement("div");
    box.dataset.problem = "";
    if (html) box.innerHTML = html;
    else box.append(Object.assign(document.createElement("p"), { className: "callout is-bad", role: "alert", textContent: "Cartwheel did not answer. Look at your connection, then try again." }));
    where.prepend(box);
    box.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = event.detail;
    if (ctx.response.status !== 422) tell(/^\s*<div class="callout/.test(ctx.text) ? ctx.text : "");
  });
  document.addEventListener("htmx:error", (event) => { if (event.detail.ctx && !event.detail.ctx.response) tell(""); });

  /* --- buttons: busy while their form is on its way, and never sent twice --- */
  function busy(form, button) {
    form.ariaBusy = "true";
    if (!button) return;
    button.ariaBusy = "true";
    const label = $("span", button);
    if (label && button.dataset.busy) { button.dataset.label = label.textContent; label.textContent = button.dataset.busy; }
  }
  function idle(root) {
    for (const one of [root, ...$$("[aria-busy=true]", root)]) {
      one.ariaBusy = null;
      if (one.dataset?.label) { $("span", one).textContent = one.dataset.label; delete one.dataset.label; }
    }
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.ariaBusy === "true") { event.preventDefault(); event.stopImmediatePropagation(); }
    else busy(form, event.submitter);
  }, true);
  document.addEventListener("htmx:finally:request", (event) => {
    const form = event.target.closest?.("form");
    if (form) idle(form);
  });
  addEventListener("pageshow", (event) => { if (event.persisted) idle(document.body); });

  /* --- toasts: six seconds, and as long as one looks at them --- */
  function fade(toast) {
    let timer = 0;
    const stay = () => clearTimeout(timer);
    const go = () => { stay(); timer = setTimeout(() => toast.remove(), 6000); };
    for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, stay);
    for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, go);
    go();
  }
  const toasts = $("#toasts");
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) if (node.matches?.(".toast")) fade(node);
  }).observe(toasts, { childList: true });
  toasts.append(...toasts.children); // put in anew, they are read aloud

  /* --- Copy --- */
  async function copyText(button) {
    const from = button.dataset.copy ? $(button.dataset.copy) : $("pre", button.closest(".code"));
    try {
      await navigator.clipboard.writeText(from.value ?? from.textContent);
    } catch { // not over https, or refused: what is selected can still be copied by hand
      getSelection().selectAllChildren(from);
      if (!document.execCommand("copy")) return;
    }
    const label = $("span", button);
    label.textContent = "Copied";
    say("Copied");
    setTimeout(() => { label.textContent = "Copy"; say(""); }, 2000);
  }

  /* --- keys: off in fields, with modifiers, and where the user has switched them off --- */
  let gone = 0;
  function step(by) {
    const links = $$(".log .go");
    const at = links.indexOf(document.activeElement?.closest("tr")?.querySelector(".go"));
    links[Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
  }
  const acts = {
    "/": () => $("input[type=search]")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    ".": () => $("[data-live-new]:not([hidden])")?.click(),
    g: () => { gone = Date.now(); },
    "?": () => openDialog($("[data-help]")),
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = $("details:is(.menu, .shop)[open]");
      if (menu) { menu.open = false; $("summary", menu).focus(); }
    }
    if (document.body.dataset.shortcuts === "off" || event.ctrlKey || event.altKey || event.metaKey || shown()) return;
    if (event.defaultPrevented || event.target.closest?.("input, select, textarea, [contenteditable]")) return;
    const to = Date.now() - gone < 1500 && $(`.nav [data-go="${CSS.escape(event.key)}"]`);
    gone = 0;
    if (!to && !acts[event.key]) return;
    event.preventDefault();
    if (to) to.click(); else acts[event.key]();
  });

  /* --- live: rows change in place, new ones wait behind a button (the protocol stands in docs/live.md) --- */
  const live = $("[data-live]");
  if (live) {
    const rows = $("[data-live-rows]");
    const button = $("[data-live-new]");
    const state = $("[data-live-state]");
    const most = 200;
    let cursor = live.dataset.cursor, waiting = [], many = 0, source = null, timer = 0;

    const address = (poll) => {
      const url = new URL(live.dataset.live, location);
      url.searchParams.set("after", cursor);
      if (poll) url.searchParams.set("poll", "1");
      return url;
    };
    const word = (text, lost) => {
      if (state.textContent !== text) state.textContent = text;
      state.classList.toggle("lost", !!lost);
    };
    const count = () => waiting.filter((row) => !row.matches(".day")).length + many;

    function swap(old, made) {
      if (made.matches(".day") || old.contains(document.activeElement) && !old.matches("tr")) return;
      const focused = old.contains(document.activeElement);
      made.classList.add("changed");
      old.replaceWith(made);
      htmx.process(made);
      if (focused) $("a", made)?.focus({ preventScroll: true });
    }

    function show() {
      if (many) return location.reload();
      for (const row of waiting.splice(0)) {
        if (document.getElementById(row.id)) continue;
        const day = row.matches(".day") ? null : document.getElementById("day-" + row.dataset.day);
        if (day) day.after(row); else rows.prepend(row);
        row.classList.add("changed");
        htmx.process(row);
      }
      for (const one of $$("[data-live-empty]")) one.hidden = true;
      for (const one of $$("[data-live-full]")) one.hidden = false;
      button.hidden = true;
    }

    function take(html) {
      const frame = Object.assign(document.createElement("template"), { innerHTML: html }).content;
      for (const made of [...frame.children].reverse()) { // oldest first
        if (made.dataset.more) { many += +made.dataset.more; continue; }
        const old = document.getElementById(made.id);
        const held = waiting.findIndex((row) => row.id === made.id);
        if (old) swap(old, made);
        else if (held >= 0) waiting[held] = made.matches(".day") ? waiting[held] : made;
        else if (made.matches("tr") && !("known" in made.dataset)) waiting.push(made);
      }
      if (waiting.length > most) { many += count() - many; waiting = []; }
      const n = count();
      if (!n) return;
      if (!$("tr", rows) && !many) return show(); // nobody reads here yet
      button.firstElementChild.textContent = n === 1 ? "1 new entry" : `${n.toLocaleString("en")} new entries`;
      button.hidden = false;
    }

    function close() { source?.close(); source = null; clearTimeout(timer); }
    function later(act, ms) { clearTimeout(timer); timer = setTimeout(act, ms); }
    function lost() { close(); word("Connection lost. Trying again…", true); later(listen, 3000); }
    const watch = () => later(lost, 65000); // a beat comes every 20 s

    function listen() {
      close();
      source = new EventSource(address());
      watch();
      source.onopen = () => { word("Live"); watch(); };
      source.onerror = () => { // closed for good: refused (then ask every 5 s) or a server that is just starting
        if (source.readyState === EventSource.CLOSED) { close(); poll(); } else word("Connection lost. Trying again…", true);
      };
      source.addEventListener("beat", watch);
      source.addEventListener("entries", (event) => { cursor = event.lastEventId || cursor; take(event.data); watch(); });
    }

    let polls = 0;
    async function poll() {
      try {
        const answer = await fetch(address(true), { headers: { Accept: "text/html" } });
        if (answer.redirected || answer.status === 401) return word("Signed out. Load the page again.", true);
        if (!answer.ok) throw answer;
        if (answer.status === 200) { take(await answer.text()); cursor = answer.headers.get("X-Cursor") || cursor; }
        word("Live, every 5 seconds");
      } catch { return lost(); }
      later(++polls % 12 ? poll : listen, 5000);
    }

    button.addEventListener("click", show);
    document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else listen(); });
    addEventListener("pagehide", close);
    if (!document.hidden) listen();
  }
})();
