// Sends messages without loading the page anew. Without this script every form works as a plain form.
"use strict";

const log = document.getElementById("log");
const state = document.getElementById("state");
const ask = document.getElementById("ask");
const box = document.getElementById("message");
const left = document.getElementById("left");
let waiting = false;

async function send(text) {
  const response = await fetch("/chat", {
    method: "POST",
    headers: { "X-Fragment": "1" },
    body: new URLSearchParams({ message: text }),
  });
  if (!response.ok) throw new Error(String(response.status));
  const holder = document.createElement("template");
  holder.innerHTML = await response.text();
  log.append(holder.content);
  document.querySelector(".start")?.remove();
  document.querySelector(".delete").hidden = false;
  keepAlarmInSight();
  // The newest message comes to the top of the view, so that a long answer is read from its beginning.
  log.lastElementChild.scrollIntoView({ block: "start" });
}

// After an alarm the strip at the top keeps its numbers in sight, whatever is written later.
function keepAlarmInSight() {
  const calls = log.querySelectorAll(".turn:last-child .reply-red_flag .calls a");
  if (!calls.length) return;
  document.getElementById("numbers").replaceChildren(...[...calls].map((call) => call.cloneNode(true)));
  const heading = document.getElementById("emergency");
  heading.textContent = heading.dataset.alarmed;
  heading.parentElement.classList.add("alarmed");
}

async function submit(text, afterwards) {
  if (waiting) return;
  waiting = true;
  state.textContent = state.dataset.waiting;
  try {
    await send(text);
    state.textContent = "";
    afterwards();
  } catch (error) {
    state.textContent = state.dataset.offline;
  }
  waiting = false;
}

function count() {
  const most = Number(left.dataset.most);
  const rest = most - box.value.length;
  left.hidden = rest > most / 10;
  left.textContent = `${rest} ${left.dataset.unit}`;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.classList.contains("delete")) return;
  event.preventDefault();
  const choice = event.submitter && event.submitter.name === "message" ? event.submitter.value : null;
  const text = choice ?? box.value.trim();
  if (!text) { state.textContent = state.dataset.empty; return; }
  submit(text, () => { if (choice === null) box.value = ""; count(); box.focus({ preventScroll: true }); });
});

// Enter sends, as people expect of a chat; Shift+Enter makes a new line.
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); ask.requestSubmit(); }
});
box.addEventListener("input", count);
