// One trace: its spans as a waterfall, and what each carries.

import { el, foreign, moveFocusWithArrows, styled, visible } from "./dom.js";
import { clock, colour, count, moment, ticks, time } from "./format.js";

// Deeper spans stand no further to the right.
const mostIndents = 24;

/**
 * @param {object} trace as `GET /api/v1/traces/{traceId}` answers
 * @param {string} back the address of the list
 */
export function waterfallView(trace, back) {
  const total = Math.max(1, ...trace.spans.map((span) => span.offsetNanoseconds + span.durationNanoseconds));
  const marks = ticks(total);
  const list = el("ol", { class: "spans" }, ...trace.spans.map((span, index) => item(trace, span, index, total)));
  moveFocusWithArrows(list, "button.span");
  const axis = el("div", { class: "axis", "aria-hidden": "true" }, el("span", { class: "head" }, "Span"),
    el("span", { class: "track" }, ...marks.map((mark) => styled(el("span", { class: "tick" }, mark === 0 ? "0" : time(mark)), { "--start": percent(mark, total) }))));
  const board = el("div", { class: "board" }, axis, list);
  styled(board, { "--step": percent(marks[1] ?? total, total) });
  return el("article", { class: "detail" }, heading(trace, back), failures(trace), board);
}

function percent(part, whole) {
  return `${((100 * part) / whole).toFixed(4)}%`;
}

function heading(trace, back) {
  const facts = [
    ["Time", time(trace.durationNanoseconds)],
    ["Started", el("time", { datetime: trace.startTime, title: moment(trace.startTime) }, clock(trace.startTime))],
    ["Spans", trace.spanCount.toLocaleString("en")],
    ["Errors", trace.errorCount === 0 ? "none" : el("strong", { class: "bad" }, trace.errorCount.toLocaleString("en"))],
    ...(trace.orderIds.length === 0 ? [] : [[trace.orderIds.length === 1 ? "Order" : "Orders", orders(trace.orderIds)]]),
    ["Trace", el("code", {}, trace.traceId)],
  ];
  const notes = [
    ...(trace.orphanCount > 0 ? [`${count(trace.orphanCount, "span")} whose parent has not come.`] : []),
    ...(trace.droppedSpans > 0 ? [`${count(trace.droppedSpans, "span")} came when the trace held all it may, and are not here.`] : []),
  ];
  return el(
    "header", { class: "heading" },
    el("a", { class: "back", href: back }, "← All traces"),
    el("h1", { tabindex: "-1" }, foreign(trace.name || "(no name)")),
    el("ul", { class: "services" }, ...trace.services.map((name) => el("li", { class: `chip ${colour(name)}` }, foreign(name)))),
    el("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [el("div", {}, el("dt", {}, name), el("dd", {}, value))])),
    ...notes.map((text) => el("p", { class: "note" }, text)));
}

function orders(ids) {
  return el("span", {}, ...ids.flatMap((id, index) => [
    ...(index > 0 ? [", "] : []),
    el("a", { class: "order", href: `#/?${new URLSearchParams({ orderId: id })}`, title: "All traces of this order" }, foreign(id)),
  ]));
}

/** Why it failed, before anything else: the innermost failed spans say it best, and they stand last. */
function failures(trace) {
  const failed = trace.spans.map((span, index) => ({ span, index })).filter(({ span }) => span.status === "error");
  if (failed.length === 0) return undefined;
  return el(
    "section", { class: "failures", "aria-label": "What failed" },
    el("ul", {}, ...failed.slice(-5).map(({ span, index }) => el(
      "li", {},
      el("button", { type: "button", class: "link", onclick: () => reveal(index) }, foreign(span.service), ": ", foreign(span.name)),
      ...(reason(span) ? [" — ", foreign(reason(span))] : [])))));
}

function reason(span) {
  const exception = span.events.find((event) => event.name === "exception");
  return span.statusMessage || value(exception?.attributes, "exception.message") || value(span.attributes, "error.type") || "";
}

function value(attributes, key) {
  const found = attributes?.find((attribute) => attribute.key === key)?.value;
  return typeof found === "string" ? found : undefined;
}

function reveal(index) {
  const button = document.getElementById(`span-${index}`);
  if (button?.getAttribute("aria-expanded") === "false") button.click();
  button?.focus();
  button?.scrollIntoView({ block: "center" });
}

function item(trace, span, index, total) {
  const failed = span.status === "error";
  const panelID = `details-${index}`;
  const bar = styled(el("span", { class: `bar ${colour(span.service)}` }), {
    "--start": percent(Math.min(span.offsetNanoseconds, total), total),
    "--length": percent(Math.min(span.durationNanoseconds, total), total),
  });
  const label = el("span", { class: "took" }, time(span.durationNanoseconds));
  bar.append(label);
  for (const event of span.events.slice(0, 50)) {
    const at = span.durationNanoseconds > 0 ? Math.min(1, event.offsetNanoseconds / span.durationNanoseconds) : 0;
    bar.append(styled(el("span", { class: `event ${event.name === "exception" ? "bad" : ""}` }), { "--at": `${(100 * at).toFixed(2)}%` }));
  }
  const button = el(
    "button", {
      type: "button", class: `span ${failed ? "failed" : ""}`, id: `span-${index}`, "aria-expanded": "false", "aria-controls": panelID,
      title: visible(span.name),
    },
    el(
      "span", { class: "head" },
      ...(failed ? [el("span", { class: "cross", "aria-hidden": "true" }, "✗")] : []),
      ...(span.isOrphan ? [el("span", { class: "orphan", title: "its parent has not come" }, "⤷")] : []),
      foreign(span.name || "(no name)", { class: "name" }),
      el("span", { class: `chip small ${colour(span.service)}` }, foreign(span.service)),
      el("span", { class: "unseen" }, `${failed ? ", failed" : ""}, level ${span.depth + 1}, ${time(span.durationNanoseconds)}, after ${time(span.offsetNanoseconds)}`)),
    el("span", { class: "track", "aria-hidden": "true" }, bar));
  const entry = el("li", {}, button);
  styled(entry, { "--depth": String(Math.min(span.depth, mostIndents)) });
  button.addEventListener("click", () => {
    const opened = entry.querySelector(".panel");
    if (opened) opened.remove();
    else entry.append(panel(trace, span, panelID));
    button.setAttribute("aria-expanded", String(!opened));
  });
  return entry;
}

function panel(trace, span, id) {
  const about = [
    ["span", span.spanId], ...(span.parentSpanId ? [["parent", span.parentSpanId]] : []), ["kind", span.kind],
    ...(span.scope ? [["instrumented by", span.scope]] : []), ["status", span.status],
    ["started", `after ${time(span.offsetNanoseconds)}`], ["took", time(span.durationNanoseconds)],
  ];
  return el(
    "div", { class: "panel", id },
    ...(span.statusMessage ? [el("p", { class: "bad" }, foreign(span.statusMessage))] : []),
    group("Span", about.map(([key, text]) => [key, el("code", {}, foreign(text))])),
    ...(span.attributes.length > 0 ? [group("Attributes", pairs(span.attributes))] : []),
    ...span.events.map((event) => group(
      el("span", {}, "Event ", foreign(event.name), el("span", { class: "quiet" }, ` after ${time(event.offsetNanoseconds)}`)), pairs(event.attributes))),
    ...(span.links.length > 0 ? [links(span.links)] : []),
    ...(span.leftOut ? [el("p", { class: "note" }, `${count(span.leftOut, "attribute, event or link", "attributes, events or links")} left out by the sender.`)] : []),
    group("Sender", pairs(trace.resources[span.resource]?.attributes ?? [])));
}

function group(title, entries) {
  return el("section", {}, el("h2", {}, title), el("dl", {}, ...entries.flatMap(([key, shown]) => [el("dt", {}, foreign(key)), el("dd", {}, shown)])));
}

function pairs(attributes) {
  return attributes.map(({ key, value: given }) => [key, el("code", {}, foreign(typeof given === "string" ? given : JSON.stringify(given)))]);
}

function links(all) {
  return el("section", {}, el("h2", {}, "Linked to"), el("ul", {}, ...all.filter((link) => link.traceId).map((link) => el(
    "li", {}, el("a", { href: `#/traces/${link.traceId}` }, el("code", {}, link.traceId)), link.spanId ? ` span ${link.spanId}` : ""))));
}
