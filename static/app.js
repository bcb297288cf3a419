/* What scripts add to pages that work without them, all of it bound to attributes. */
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (name, act, capture) => document.addEventListener(name, act, capture);
const modified = (event) => event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey;
const MENUS = "details:is(.menu, .shop)[open]";

/* Dialogs: a link with data-dialog opens its address in #dialog; steps replace one another there. */
const place = $("#dialog");
const shown = () => $("dialog", place);
let opener;

function openDialog(link) {
  opener = link;
  htmx.ajax("GET", link.href, { source: link, target: "#dialog", swap: "innerHTML show:none" });
}

function showDialog() {
  const dialog = shown();
  if (!dialog || dialog.matches(":modal")) return;
  dialog.removeAttribute("open");
  dialog.showModal();
  ["[aria-invalid=true]", "[autofocus]", ".body :is(input:not([type=hidden]), select, textarea)", "footer :is(button, a)"]
    .map((first) => $(first, dialog)).find(Boolean)?.focus();
  dialog.onclose = () => {
    if (dialog.isConnected) place.replaceChildren();
    if (!shown()) (opener?.isConnected ? opener : $$("a[data-dialog]").find((a) => a.href === opener?.href))?.focus();
  };
}

on("click", (event) => {
  const { target } = event, link = target.closest("a"), inside = place.contains(link);
  if (link?.matches(inside ? "[data-close]" : "[data-dialog]") && !modified(event) && !event.shiftKey) {
    event.preventDefault();
    if (inside) shown().close(); else openDialog(link);
  }
  const copy = target.closest("[data-copy]");
  if (copy) copyText(copy);
  for (const menu of $$(MENUS)) if (!menu.contains(target)) menu.open = false;
}, true);

/* An answer for the dialog that is none is a page: go there. */
on("htmx:before:swap", (event) => {
  const { target, response, text } = event.detail.ctx;
  if (target !== place || response.status >= 400 && response.status !== 422) return;
  if (/<dialog\b/.test(text) && !/<html\b/i.test(text)) return;
  event.preventDefault();
  location.assign(response.raw.url);
});
on("htmx:after:swap", ({ detail: { ctx } }) => {
  showDialog();
  if (live && ctx.target.matches(".older")) listen();
});

/* What htmx could not do is said where the reader is; what was typed stays. */
function tell(html) {
  const where = shown() ? $(".body", place) : $("#main");
  $("#problem")?.remove();
  const innerHTML = html || '<p class="callout is-bad" role="alert">Cartwheel did not answer. Look at your connection, then try again.</p>';
  const box = Object.assign(document.createElement("div"), { id: "problem", innerHTML });
  where.prepend(box);
  box.scrollIntoView({ block: "nearest" });
}
on("htmx:response:error", ({ detail: { ctx: { response, text } } }) => {
  if (response.status !== 422) tell(/^\s*<div class="callout/.test(text) && text);
});
on("htmx:error", ({ detail: { ctx } }) => { if (ctx && !ctx.response) tell(); });

/* Buttons: busy while their form is on its way, and never sent twice. */
function idle(root) {
  for (const one of [root, ...$$("[aria-busy=true]", root)]) {
    one.ariaBusy = null;
    if (one.dataset.label) $("span", one).textContent = one.dataset.label;
    delete one.dataset.label;
  }
}
on("submit", (event) => {
  const { target: form, submitter: button } = event;
  if (form.method !== "post") return;
  if (form.ariaBusy === "true") {
    event.preventDefault();
    return event.stopImmediatePropagation();
  }
  form.ariaBusy = "true";
  if (!button) return;
  button.ariaBusy = "true";
  const label = $("span", button);
  if (!label || !button.dataset.busy) return;
  button.dataset.label = label.textContent;
  label.textContent = button.dataset.busy;
}, true);
on("htmx:finally:request", (event) => {
  const form = event.target.closest?.("form");
  if (form) idle(form);
});
addEventListener("pageshow", ({ persisted }) => { if (persisted) idle(document.body); });

/* Toasts: six seconds, and as long as one looks at them. */
function fade(toast) {
  let timer;
  const stay = () => clearTimeout(timer);
  const go = () => { stay(); timer = setTimeout(() => toast.remove(), 6000); };
  const acts = { pointerenter: stay, focusin: stay, pointerleave: go, focusout: go };
  for (const name in acts) toast.addEventListener(name, acts[name]);
  go();
}
const toasts = $("#toasts");
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) for (const node of addedNodes) if (node.matches?.(".toast")) fade(node);
}).observe(toasts, { childList: true });
toasts.append(...toasts.children); // read aloud when put in anew

async function copyText(button) {
  const from = button.dataset.copy ? $(button.dataset.copy) : $("pre", button.closest(".code"));
  try {
    await navigator.clipboard.writeText(from.value ?? from.textContent);
  } catch {
    getSelection().selectAllChildren(from);
    if (!document.execCommand("copy")) return;
  }
  const label = $("span", button), said = $("#say");
  label.textContent = said.textContent = "Copied";
  setTimeout(() => { label.textContent = "Copy"; said.textContent = ""; }, 2000);
}

/* Keys: not in fields, not with modifiers, not where they are switched off. */
let gone = 0;
function step(by) {
  const links = $$(".log .go"), at = links.indexOf(document.activeElement.closest("tr")?.querySelector(".go"));
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
on("keydown", (event) => {
  const { key } = event;
  const menu = key === "Escape" && $(MENUS);
  if (menu) {
    menu.open = false;
    $("summary", menu).focus();
  }
  if (document.body.dataset.shortcuts === "off" || modified(event) || shown()) return;
  if (event.target.closest?.("input, select, textarea, [contenteditable]")) return;
  const to = Date.now() - gone < 1500 && $(`.nav [data-go="${CSS.escape(key)}"]`);
  gone = 0;
  if (!to && !acts[key]) return;
  event.preventDefault();
  if (to) to.click(); else acts[key]();
});

/* Live: rows change in place, new ones wait behind a button (docs/live.md). */
const live = $("[data-live]");
const rows = $("[data-live-rows]"), button = $("[data-live-new]"), state = $("[data-live-state]");
const here = (row) => document.getElementById(row.id);
let cursor = live?.dataset.cursor, many = null, polls = 0, source, timer;
const waiting = new Map();

/* Sorts downwards: by day, its heading first, then by entry. */
const rank = ({ id, dataset }) => dataset.day ? `${dataset.day}-${id.slice(6).padStart(20, "0")}` : id && `${id.slice(4)}~`;

function swap(old, made) {
  if (made.matches(".day") || old.innerHTML === made.innerHTML) return;
  const focused = old.contains(document.activeElement);
  old.replaceWith(made);
  made.classList.add("changed");
  if (focused) $("a", made).focus({ preventScroll: true });
}

function show() {
  if (many !== null || waiting.size > 300) return location.reload();
  for (const row of waiting.values()) {
    if (here(row)) continue;
    rows.insertBefore(row, [...rows.children].find((other) => rank(other) < rank(row)) ?? null);
    row.classList.add("changed");
  }
  waiting.clear();
  for (const one of $$("[data-live-empty], [data-live-full]")) one.hidden = "liveEmpty" in one.dataset;
  button.hidden = true;
  listen();
}

function take(html) {
  const frame = Object.assign(document.createElement("template"), { innerHTML: html });
  for (const made of [...frame.content.children]) {
    const { id, dataset: { more, known } } = made, old = here(made);
    if (more) many += +more;
    else if (old) swap(old, made);
    else if (known === undefined || waiting.has(id)) waiting.set(id, waiting.size > 300 || made);
  }
  const count = [...waiting.keys()].filter((id) => id[0] === "e").length + many;
  if (!count) return;
  if (!rows.children.length && !many) return show();
  button.firstElementChild.textContent = count === 1 ? "1 new entry" : `${count.toLocaleString("en")} new entries`;
  button.hidden = false;
}

function word(text, lost = false) {
  if (state.textContent !== text) state.textContent = text;
  state.classList.toggle("lost", lost);
}
function address(more = "") {
  const ids = $$("[data-day]", rows).map((row) => row.id.slice(6));
  return `${live.dataset.live}&top=${ids[0] ?? 0}&floor=${$(".older", rows) ? ids.at(-1) : 0}&after=${cursor}${more}`;
}
const later = (act, ms) => { clearTimeout(timer); timer = setTimeout(act, ms); };
const watch = () => later(lost, 65000); // a beat comes every 20 s
function close() { source?.close(); clearTimeout(timer); }
const waits = () => word("Connection lost. Trying again…", true);
function lost() { close(); waits(); later(listen, 3000); }

function listen() {
  close();
  source = new EventSource(address());
  watch();
  source.onopen = () => { word("Live"); watch(); };
  source.onerror = () => { // for good: too many pages, or signed out
    if (source.readyState === EventSource.CLOSED) poll(); else waits();
  };
  source.onmessage = ({ data, lastEventId }) => { cursor = lastEventId; take(data); watch(); };
}

async function poll() {
  close();
  try {
    const answer = await fetch(address("&poll=1"), { headers: { Accept: "text/html" } });
    if (answer.redirected || answer.status === 409) return word("Stopped. Load the page again.", true);
    if (!answer.ok) throw answer;
    take(await answer.text());
    cursor = answer.headers.get("X-Cursor");
    word("Live, every 5 seconds");
  } catch { return lost(); }
  later(++polls % 12 ? poll : listen, 5000);
}

if (live) {
  button.onclick = show;
  on("visibilitychange", () => { if (document.hidden) close(); else listen(); });
  addEventListener("pagehide", close);
  if (!document.hidden) listen();
}
