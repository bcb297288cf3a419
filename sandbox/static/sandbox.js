// Brings the parts of a page marked data-live up to date every two seconds, unless somebody is busy inside them. Pages work without it.
const EVERY = 2000;

const busy = (part) => part.contains(document.activeElement) || String(getSelection()).length > 0;

function renew(part, fresh) {
  const open = new Set([...part.querySelectorAll("details[open]")].map((one) => one.id));
  for (const one of fresh.querySelectorAll("details")) one.open = open.has(one.id);
  if (part.innerHTML !== fresh.innerHTML) part.replaceChildren(...document.importNode(fresh, true).childNodes);
}

async function look() {
  if (document.hidden) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return clearInterval(looking); // the answer to a form has no address of its own
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (fresh && !busy(part)) renew(part, fresh);
  }
}

const looking = document.querySelector("[data-live]") && setInterval(() => look().catch(() => {}), EVERY);
