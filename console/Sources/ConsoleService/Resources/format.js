// Numbers and times as people read them.

/** `812 ns`, `12.3 µs`, `4.56 ms`, `1.23 s`, `2 min 5 s`: three digits that count. */
export function time(nanoseconds) {
  if (nanoseconds < 1e3) return `${Math.round(nanoseconds)} ns`;
  if (nanoseconds >= 6e10) return `${Math.floor(nanoseconds / 6e10)} min ${Math.floor((nanoseconds / 1e9) % 60)} s`;
  const [unit, name] = nanoseconds < 1e6 ? [1e3, "µs"] : nanoseconds < 1e9 ? [1e6, "ms"] : [1e9, "s"];
  const value = nanoseconds / unit;
  const decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  // Whole steps of the last digit first: 2.3 times 100 is less than 230.
  return `${(Math.floor(nanoseconds / (unit / 10 ** decimals)) / 10 ** decimals).toFixed(decimals)} ${name}`;
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export function bytes(number) {
  if (number < 1e3) return `${number} B`;
  return number < 1e6 ? `${(number / 1e3).toFixed(1)} kB` : `${(number / 1e6).toFixed(1)} MB`;
}

/** `14:03:21.123`, in the reader's own time zone. */
export function clock(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  const two = (number) => String(number).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** A whole day and time, for a tooltip. */
export function moment(text) {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toLocaleString("en", { dateStyle: "full", timeStyle: "long" });
}

const known = ["api-gateway", "inventory-service", "pricing-service"];

/** The class that colours a service, the same everywhere: the shop's own first, others by their name. */
export function colour(service) {
  const own = known.indexOf(service);
  if (own >= 0) return `c${own}`;
  let hash = 0;
  for (const character of service) hash = (hash * 31 + character.codePointAt(0)) % 997;
  return `c${known.length + (hash % 5)}`;
}

/** Marks along a time line: round numbers, four to nine of them. */
export function ticks(total) {
  if (!(total > 0)) return [0];
  const rough = total / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? total;
  const marks = [];
  for (let mark = 0; mark <= total * 0.97 && marks.length < 12; mark += step) marks.push(mark);
  return marks;
}
