// The list of traces, narrowed by what the address says.

import { el, foreign, moveFocusWithArrows, styled, visible } from "./dom.js";
import { clock, colour, count, moment, time } from "./format.js";

const pageSize = 50;
// Services that a row names; the trace itself names all.
const mostChips = 3;

/** The filter that an address such as `#/?service=api-gateway&status=error` holds. */
export function filterOf(parameters) {
  const filter = new URLSearchParams();
  for (const name of ["service", "status", "minDurationMs", "orderId"]) {
    const value = parameters.get(name);
    if (value) filter.set(name, value);
  }
  return filter;
}

/**
 * @param {URLSearchParams} filter
 * @param {(filter: URLSearchParams) => void} onFilter
 */
export function listView(filter, onFilter) {
  const services = el("select", { id: "service", name: "service" }, el("option", { value: "" }, "any service"));
  const status = el(
    "select", { id: "status", name: "status" },
    el("option", { value: "" }, "any"), el("option", { value: "ok" }, "ok"), el("option", { value: "error" }, "failed"));
  const slowest = el("input", {
    id: "minDurationMs", name: "minDurationMs", type: "number", min: 0, max: 86400000, step: 1, placeholder: "0", inputmode: "numeric",
  });
  const order = el("input", { id: "orderId", name: "orderId", type: "search", maxlength: 100, placeholder: "id", spellcheck: "false", autocomplete: "off" });
  status.value = filter.get("status") ?? "";
  slowest.value = filter.get("minDurationMs") ?? "";
  order.value = filter.get("orderId") ?? "";
  const form = el(
    "form", { class: "filters", role: "search", "aria-label": "Narrow the list" },
    field("Service", services), field("Outcome", status), field("At least, ms", slowest), field("Order, or trace", order),
    el("button", { type: "reset", class: "plain" }, "Clear"));
  const read = () => filterOf(new URLSearchParams(new FormData(form)));
  form.addEventListener("change", () => onFilter(read()));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onFilter(read());
  });
  form.addEventListener("reset", () => onFilter(new URLSearchParams()));

  const rows = el("tbody");
  const body = el("div", { class: "listing" });
  const table = el(
    "table", { class: "traces" },
    el("caption", { class: "unseen" }, "Traces, the latest first"),
    el("thead", {}, el("tr", {}, ...["Started", "Trace", "Services", "Time", "Spans"].map((title, index) =>
      el("th", { scope: "col", class: index > 2 ? "number" : undefined }, title)))),
    rows);
  moveFocusWithArrows(rows, "a.trace");
  let shown = "";
  let hasMore = false;
  let limit = pageSize;
  const more = el("button", { type: "button", class: "plain more", onclick: () => { limit = Math.min(200, limit + pageSize); more.dispatchEvent(new Event("more", { bubbles: true })); } }, "Show more");

  return {
    element: el("section", { class: "list", "aria-label": "Traces" }, form, body),
    query: () => {
      const query = new URLSearchParams(filter);
      query.set("limit", String(limit));
      return query;
    },
    /** Shows a page of traces; leaves everything as it is, focus and selection too, if nothing is new. */
    show(page, known) {
      fillServices(services, known, filter.get("service") ?? "");
      const text = JSON.stringify([page, limit]);
      if (text === shown) return;
      shown = text;
      hasMore = page.nextCursor !== undefined && limit < 200;
      if (page.items.length === 0) {
        body.replaceChildren(emptiness(filter.size > 0));
        return;
      }
      const focused = document.activeElement?.getAttribute("href");
      const longest = Math.max(1, ...page.items.map((item) => item.durationNanoseconds));
      rows.replaceChildren(...page.items.map((item) => row(item, longest)));
      body.replaceChildren(table, ...(hasMore ? [more] : []));
      if (focused) [...rows.querySelectorAll("a.trace")].find((link) => link.getAttribute("href") === focused)?.focus();
    },
  };
}

function field(label, control) {
  return el("label", { for: control.id }, el("span", {}, label), control);
}

function fillServices(select, known, chosen) {
  const names = [...new Set([...known, ...(chosen ? [chosen] : [])])].sort();
  const present = [...select.options].slice(1).map((option) => option.value);
  if (JSON.stringify(names) === JSON.stringify(present)) return;
  select.replaceChildren(select.options[0], ...names.map((name) => el("option", { value: name }, visible(name))));
  select.value = chosen;
}

function row(item, longest) {
  const failed = item.errorCount > 0;
  const bar = styled(el("span", { class: `meter ${failed ? "failed" : ""}`, "aria-hidden": "true" }), {
    "--length": `${(100 * item.durationNanoseconds) / longest}%`,
  });
  return el(
    "tr", { class: failed ? "failed" : undefined },
    el("td", { class: "when" }, el("time", { datetime: item.startTime, title: moment(item.startTime) }, clock(item.startTime))),
    el(
      "td", { class: "what" },
      el(
        "a", { class: "trace", href: `#/traces/${item.traceId}`, title: visible(item.name) },
        foreign(item.name || "(no name)"),
        ...(failed ? [el("span", { class: "badge failed" }, count(item.errorCount, "error"))] : []),
        ...item.orderIds.slice(0, 1).map((order) => el("span", { class: "badge order", title: visible(order) }, "order ", foreign(short(order)))))),
    el("td", { class: "who" }, chips(item.services)),
    el("td", { class: "number time" }, el("span", {}, time(item.durationNanoseconds)), bar),
    el("td", { class: "number" }, item.spanCount.toLocaleString("en")));
}

/** The end of an id, which tells orders of the same minute apart. */
function short(id) {
  return id.length > 14 ? `…${id.slice(-8)}` : id;
}

function chips(services) {
  const some = services.slice(0, mostChips);
  return el(
    "ul", { class: "services" }, ...some.map((name) => el("li", { class: `chip ${colour(name)}` }, foreign(name))),
    ...(services.length > some.length ? [el("li", { class: "quiet" }, `and ${services.length - some.length} more`)] : []));
}

function emptiness(isNarrowed) {
  if (isNarrowed) return el("p", { class: "empty" }, "No trace is like that. Clear the filter to see all.");
  return el(
    "div", { class: "empty" },
    el("h1", {}, "Nothing has happened yet"),
    el("p", {}, "Use the shop, and look here again:"),
    el("pre", {}, el("code", {}, "hello-dd order LAPTOP-001\ncurl localhost:8000/api/v1/products?limit=3")));
}
