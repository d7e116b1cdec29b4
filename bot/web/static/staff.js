// Comfort for the staff's pages. Without this script every link and form works as a plain one.
// data-row, data-open   j and k walk the rows of a list, Enter opens the one that is marked
// data-swap             a form or link whose answer takes the place of the page's content, without a jump to its top
// data-live             a search form that is sent while one types; its answer fills the element that it names
// data-preview          a form that is sent to this address while one types; the answer fills #preview
// data-refresh          content that is fetched anew every so many seconds
// data-copy             a button that copies the value of the field it names
"use strict";

const TYPING_PAUSE = 300;
const main = () => document.getElementById("content");
const live = document.createElement("p");
live.className = "hidden";
live.setAttribute("role", "status");
document.body.append(live);

async function fetched(url, options = {}) {
  const response = await fetch(url, { credentials: "same-origin", ...options });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return { page, url: response.url, redirected: response.redirected };
}

// The new content, with the focus where it was or at a place: screen readers and keyboards go on from there.
function show(page, url, place) {
  const next = page.getElementById("content");
  // Whoever is signed out meanwhile sees the whole sign-in page.
  if (!next || !page.querySelector(".account")) return location.assign(url);
  const ids = [place, document.activeElement?.id];
  main().replaceWith(next);
  document.title = page.title;
  const focus = ids.map((id) => id && document.getElementById(id)).find(Boolean) || next;
  focus.focus({ preventScroll: true });
  live.textContent = next.querySelector(".done, .problems")?.textContent.trim() || "";
  prepare();
}

async function swap(url, place, options) {
  try {
    const answer = await fetched(url, options);
    // An answer to a form that was refused stands at an address that only takes forms.
    if (!options || answer.redirected) history.pushState(null, "", answer.url);
    show(answer.page, answer.url, place);
  } catch {
    location.assign(options ? location.href : url);
  }
}

const address = (form) => form.action.split(/[?#]/)[0];
const body = (form, button) => new URLSearchParams(new FormData(form, button));

function onSubmit(event) {
  const form = event.target;
  const part = form.closest("[data-swap]");
  if (!part) return;
  event.preventDefault();
  const content = body(form, event.submitter);
  if (form.method === "post") return swap(form.action, part.id, { method: "POST", body: content });
  swap(`${address(form)}?${content}`, part.id);
}

function later(work) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(work, TYPING_PAUSE); };
}

// An answer that comes after a later one is not shown.
function latest(work) {
  let current = 0;
  return async () => { const mine = ++current; const result = await work(); return mine === current ? result : null; };
}

function prepareLive(form) {
  const look = latest(() => fetched(`${address(form)}?${body(form)}`));
  form.addEventListener("input", later(async () => {
    const found = await look();
    const place = found && found.page.querySelector(form.dataset.live);
    if (place) document.querySelector(form.dataset.live)?.replaceWith(place);
  }));
}

function preparePreview(form) {
  const look = latest(async () => {
    const response = await fetch(form.dataset.preview, { method: "POST", credentials: "same-origin", body: body(form) });
    return response.ok ? response.text() : null;
  });
  form.addEventListener("input", later(async () => {
    const fragment = await look();
    if (fragment) document.getElementById("preview").innerHTML = fragment;
  }));
}

function prepareRefresh(part) {
  setTimeout(async () => {
    if (!part.isConnected) return;
    // Not under somebody's hands: what is being typed stays.
    if (document.hidden || document.activeElement?.matches("input, textarea, select")) return prepareRefresh(part);
    try {
      const answer = await fetched(location.href);
      show(answer.page, location.href);
    } catch {
      prepareRefresh(part);
    }
  }, Number(part.dataset.refresh) * 1000);
}

async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  field.select();
  await navigator.clipboard?.writeText(field.value);
  live.textContent = button.dataset.copied || "";
  button.textContent = button.dataset.copied || button.textContent;
}

function walk(step) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[Math.min(rows.length - 1, Math.max(0, at + step))] || rows[0];
  row.querySelector("[data-open]").focus();
  row.scrollIntoView({ block: "nearest" });
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
  if (event.key === "j") walk(1);
  if (event.key === "k") walk(-1);
}

function prepare() {
  document.querySelectorAll("form[data-live]").forEach(prepareLive);
  document.querySelectorAll("form[data-preview]").forEach(preparePreview);
  document.querySelectorAll("[data-refresh]").forEach(prepareRefresh);
  document.querySelectorAll("[data-copy]").forEach((button) => { button.hidden = false; });
}

document.addEventListener("submit", onSubmit);
document.addEventListener("keydown", onKey);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  const link = event.target.closest("a[data-swap]");
  if (link && !event.ctrlKey && !event.metaKey) { event.preventDefault(); swap(link.href, ""); }
});
window.addEventListener("popstate", () => location.reload());
prepare();
