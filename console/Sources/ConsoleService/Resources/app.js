// The page: which view the address asks for, and how it stays fresh.

import { el } from "./dom.js";
import { bytes, count } from "./format.js";
import { filterOf, listView } from "./list.js";
import { waterfallView } from "./waterfall.js";

const main = document.getElementById("main");
const intake = document.getElementById("intake");
const news = document.getElementById("news");
const live = document.getElementById("live");

// How often the list, and a trace that may still grow, asks for more. Senders send every few seconds.
const pollMilliseconds = 2000;
// A trace whose spans have not come by then is not asked for any more.
const growsMilliseconds = 60000;

// The list, where it is shown.
let view;
// The trace, where one is shown: its id, how many spans it had, and when it was opened.
let opened;
// The list's last address, filter and all: where one comes back to.
let lastList = "#/";
// Counts the views, so that an answer to an earlier one's question is let go.
let generation = 0;

async function ask(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail ?? `the console answers ${response.status}`);
  return body;
}

function say(text) {
  news.textContent = text;
}

function showProblem(error) {
  main.replaceChildren(
    el("div", { class: "empty", role: "alert" }, el("h1", {}, "That did not work"), el("p", {}, error.message), el("p", {}, el("a", { href: "#/" }, "All traces"))));
}

async function openList(parameters) {
  const mine = ++generation;
  opened = undefined;
  lastList = location.hash.startsWith("#/") ? location.hash : "#/";
  view = listView(filterOf(parameters), (filter) => {
    // Whoever has a trace's id in hand pastes it where an order's would go.
    const trace = filter.get("orderId")?.trim() ?? "";
    if (/^[0-9a-f]{32}$/i.test(trace)) location.hash = `#/traces/${trace.toLowerCase()}`;
    else location.hash = filter.size > 0 ? `#/?${filter}` : "#/";
  });
  document.title = "Traces · hello-dd";
  main.replaceChildren(view.element);
  view.element.addEventListener("more", () => refresh(mine));
  await refresh(mine);
}

async function refresh(mine) {
  try {
    const [page, state] = await Promise.all([ask(`/api/v1/traces?${view.query()}`), ask("/api/v1/intake")]);
    if (mine !== generation) return;
    view.show(page, state.services);
    showIntake(state);
    live.classList.remove("lost");
  } catch (error) {
    if (mine !== generation) return;
    live.classList.add("lost");
    intake.textContent = "the console does not answer";
    if (main.querySelector("tbody, .empty") === null) showProblem(error);
  }
}

function showIntake(state) {
  intake.textContent = `${count(state.traces, "trace")} · ${count(state.spans, "span")} · ${bytes(state.bytes)} of ${bytes(state.maxBytes)}`;
}

async function openTrace(id) {
  const mine = ++generation;
  view = undefined;
  opened = undefined;
  try {
    const trace = await ask(`/api/v1/traces/${encodeURIComponent(id)}`);
    if (mine !== generation) return;
    opened = { id, shown: fingerprint(trace), since: performance.now() };
    document.title = `${trace.name} · hello-dd`;
    main.replaceChildren(waterfallView(trace, lastList));
    main.querySelector("h1")?.focus({ preventScroll: true });
    scrollTo(0, 0);
    say(`Trace with ${count(trace.spanCount, "span")}, ${count(trace.errorCount, "error")}`);
  } catch (error) {
    if (mine === generation) showProblem(error);
  }
}

function fingerprint(trace) {
  return `${trace.spanCount} ${trace.orphanCount} ${trace.droppedSpans}`;
}

/** Shows spans that came since, unless somebody is reading one. */
async function grow() {
  const mine = generation;
  if (performance.now() - opened.since > growsMilliseconds || main.querySelector(".panel") !== null) return;
  try {
    const trace = await ask(`/api/v1/traces/${encodeURIComponent(opened.id)}`);
    if (mine !== generation || main.querySelector(".panel") !== null || fingerprint(trace) === opened.shown) return;
    opened.shown = fingerprint(trace);
    const focused = document.activeElement?.id;
    main.replaceChildren(waterfallView(trace, lastList));
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    say(`Now ${count(trace.spanCount, "span")}`);
  } catch {
    // It has gone from the console; what is shown stays.
  }
}

function route() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?", 2);
  // The skip link, and nothing of ours.
  if (path !== "" && !path.startsWith("/")) return;
  const trace = path.match(/^\/traces\/([0-9a-fA-F]{32})$/);
  if (trace) openTrace(trace[1]);
  else openList(new URLSearchParams(query));
}

live.addEventListener("click", () => live.setAttribute("aria-pressed", String(live.getAttribute("aria-pressed") !== "true")));
addEventListener("hashchange", route);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && view === undefined) location.hash = lastList;
});
setInterval(() => {
  if (document.visibilityState !== "visible" || live.getAttribute("aria-pressed") !== "true") return;
  if (view !== undefined) refresh(generation);
  else if (opened !== undefined) grow();
}, pollMilliseconds);
route();
ask("/api/v1/intake").then(showIntake, () => {});
