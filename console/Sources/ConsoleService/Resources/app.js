// The page: which view the address asks for, and how it stays fresh.

import { el } from "./dom.js";
import { bytes, count } from "./format.js";
import { filterOf, listView } from "./list.js";
import { waterfallView } from "./waterfall.js";

const main = document.getElementById("main");
const intake = document.getElementById("intake");
const news = document.getElementById("news");
const live = document.getElementById("live");

// How often the list asks for more. Senders send every few seconds.
const pollMilliseconds = 2000;

let view;
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
  view = listView(filterOf(parameters), (filter) => {
    location.hash = filter.size > 0 ? `#/?${filter}` : "#/";
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
  try {
    const trace = await ask(`/api/v1/traces/${encodeURIComponent(id)}`);
    if (mine !== generation) return;
    document.title = `${trace.name} · hello-dd`;
    main.replaceChildren(waterfallView(trace));
    main.querySelector("h1")?.focus({ preventScroll: true });
    scrollTo(0, 0);
    say(`Trace with ${count(trace.spanCount, "span")}, ${count(trace.errorCount, "error")}`);
  } catch (error) {
    if (mine === generation) showProblem(error);
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
  if (event.key === "Escape" && view === undefined && location.hash.startsWith("#/traces/")) history.length > 1 ? history.back() : (location.hash = "#/");
});
setInterval(() => {
  if (view !== undefined && document.visibilityState === "visible" && live.getAttribute("aria-pressed") === "true") refresh(generation);
}, pollMilliseconds);
route();
ask("/api/v1/intake").then(showIntake, () => {});
