// Keeps an open page true: fetches it anew when something has changed, counts ages on, and says so when the daemon is gone.
"use strict";
(() => {
  const html = document.documentElement, gone = document.getElementById("gone"), said = document.getElementById("said");
  const renewed = html.dataset.renewed, id = html.lang !== "en";
  // Beats come every 2 s; a page that has heard none for so long (ms) shows nothing that could be taken for true.
  const LATE = 4000;
  // A stream that is silent for so long (ms) is dead without knowing it, as after a laptop's sleep.
  const DEAD = 7000;
  if (!renewed || !gone || !window.EventSource) return;
  html.classList.add("live");

  // By two clocks: one does not count a sleep, the other can be set.
  const stamp = () => [performance.now(), Date.now()];
  const since = ([mono, wall]) => Math.max(performance.now() - mono, Math.abs(Date.now() - wall));
  let source, opened, heard = stamp(), ages = null, served = null, looks = null, due = false, busy = false, tried = stamp();
  // Since when what is shown is known not to be the newest, and could not be fetched; nothing while it is.
  let behind = null;
  // Whether the newest could not be fetched, and what the page is called beside that.
  let failed = false, title = document.title;

  function listen() {
    if (source) source.close();
    opened = stamp();
    source = new EventSource("/events");
    source.onmessage = (event) => {
      const told = JSON.parse(event.data);
      heard = stamp();
      served = told.at;
      looks = told.looks;
      const same = told.looks === html.dataset.looks;
      // A page that shows what was is not given the clock of what is.
      if (same) {
        ages = told.ages;
        for (const clock of document.querySelectorAll("[data-clock]")) clock.textContent = told.clock[html.lang];
      } else {
        behind = behind || stamp();
      }
      if (!same || html.classList.contains("gone")) due = true;
      const pace = Number(renewed);
      // Either way: a clock that was set back is behind the page until it is there again.
      if (pace && Math.abs(told.at - Number(html.dataset.at)) >= pace * 1000) due = true;
      look();
    };
  }

  function look() {
    const silent = since(heard) > LATE;
    if (silent || (behind && since(behind) > LATE)) doubt(silent);
    else if (!behind) back();
    if (since(heard) > DEAD && since(opened) > DEAD) listen();
    if (due && !busy && !silent) renew();
    count();
  }

  // Says that what is shown is not how it is, and why: nothing is heard, or what somebody writes is spared.
  function doubt(silent) {
    const spared = !silent && (writing() || (!failed && gone.textContent === gone.dataset.writing));
    const text = spared ? gone.dataset.writing : gone.dataset.text;
    html.classList.add("gone");
    if (gone.textContent !== text) gone.textContent = text;
    if (spared || document.title === gone.dataset.title) return;
    title = document.title;
    document.title = gone.dataset.title;
  }

  // In the server's own words (web/telling.rs).
  function age(seconds) {
    const whole = Math.floor(seconds);
    if (whole < 1) return id ? "kurang dari 1 detik yang lalu" : "less than 1 s ago";
    const tenths = Math.round(whole / 360);
    const hours = tenths % 10 ? `${Math.floor(tenths / 10)}${id ? "," : "."}${tenths % 10}` : `${tenths / 10}`;
    const [value, unit] =
      whole < 120 ? [whole, id ? "detik" : "s"]
      : whole < 7200 ? [Math.round(whole / 60), id ? "menit" : "min"]
      : whole < 172800 ? [hours, id ? "jam" : "h"]
      : [Math.round(whole / 86400), id ? "hari" : "days"];
    return `${value} ${unit} ${id ? "yang lalu" : "ago"}`;
  }

  function count() {
    const passed = since(heard) / 1000;
    for (const shown of document.querySelectorAll("[data-age]")) {
      const known = ages && ages[shown.dataset.check];
      const text = age((known ?? Number(shown.dataset.age)) + passed);
      if (shown.textContent !== text) shown.textContent = text;
    }
    // By the server's clock, which this device's may not agree with.
    if (served === null) return;
    for (const bar of document.querySelectorAll("progress[data-since]")) {
      bar.value = Math.max(0, Math.min(bar.max, (served - Number(bar.dataset.since)) / 1000 + passed));
    }
  }

  async function renew() {
    if (since(tried) < 400) return;
    tried = stamp();
    // What somebody writes is not taken from them; that what is above it is old is said all the same.
    if (writing()) return;
    busy = true;
    due = false;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: ended(LATE) });
      const kind = answer.headers.get("content-type") || "";
      // Who may read it no more is told so, and that there is no such thing any more; else what is refused is no page to show.
      const page = answer.ok || [401, 403, 404].includes(answer.status);
      if (!page || !kind.startsWith("text/html")) throw new Error(String(answer.status));
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      behind = null;
      failed = false;
      back();
    } catch {
      due = true;
      failed = true;
      // Also where the room looks the same: the page has more on it than that, and of how old it is it says nothing.
      behind = behind || stamp();
    } finally {
      busy = false;
    }
  }

  // Old browsers have no AbortSignal.timeout.
  function ended(after) {
    const given = new AbortController();
    setTimeout(() => given.abort(), after);
    return given.signal;
  }

  // The daemon is there again, or still.
  function back() {
    if (since(heard) > LATE || !html.classList.contains("gone")) return;
    html.classList.remove("gone");
    gone.textContent = "";
    if (document.title === gone.dataset.title) document.title = title;
  }

  // Whether somebody writes in a form, or has.
  function writing() {
    const fields = document.querySelectorAll("main input, main textarea, main select, main button");
    return [...fields].some((field) => field === document.activeElement || written(field));
  }

  function written(field) {
    if (field.type === "hidden") return false;
    // What a choice begins with: the one that is marked, else the first.
    const all = [...field.options || []];
    if (all.length) return field.selectedIndex !== Math.max(0, all.findIndex((one) => one.defaultSelected));
    return "defaultValue" in field && field.value !== field.defaultValue;
  }

  // What a part of the page says, without what only counts on.
  function bare(part) {
    const copy = part.cloneNode(true);
    for (const shown of copy.querySelectorAll("[data-age], [data-clock]")) {
      shown.textContent = "";
      shown.removeAttribute("data-age");
    }
    for (const bar of copy.querySelectorAll("progress[data-since]")) bar.removeAttribute("value");
    // What somebody has opened says the same as before.
    for (const fold of copy.querySelectorAll("details")) fold.removeAttribute("open");
    return copy.outerHTML;
  }

  // Puts what has changed in the place of what it was; all else stays, and nothing is announced twice.
  function show(fresh) {
    const main = document.querySelector("main"), next = fresh.querySelector("main");
    if (!next) throw new Error("no page");
    const focus = main.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const folds = () => [...main.querySelectorAll("details")];
    const opened = folds().map((fold) => fold.open), at = folds().indexOf(document.activeElement?.parentElement);
    const heading = (of) => (of.querySelector("h1")?.textContent || "").trim();
    const doing = (of) => [...of.querySelectorAll("[data-doing]")].map((one) => one.textContent).join("; ");
    const told = heading(main) !== heading(next) ? heading(next)
      : doing(main) !== doing(next) ? doing(next) || said.dataset.over : null;
    const old = [...main.children], all = [...next.children];
    let same = 0, tail = 0;
    while (same < old.length && same < all.length && bare(old[same]) === bare(all[same])) same += 1;
    while (tail < old.length - same && tail < all.length - same
      && bare(old[old.length - 1 - tail]) === bare(all[all.length - 1 - tail])) tail += 1;
    const behind = old[old.length - tail] || null;
    for (const part of old.slice(same, old.length - tail)) part.remove();
    for (const part of all.slice(same, all.length - tail)) main.insertBefore(part, behind);
    document.title = fresh.title;
    // Above it: which kind of meeting is in force.
    const fact = document.getElementById("fact");
    if (fact) fact.textContent = fresh.getElementById("fact")?.textContent || "";
    // One that says nothing of the room has neither, and is fetched again when that changes, not at each beat.
    const of = fresh.documentElement.dataset;
    html.dataset.at = of.at || served || html.dataset.at;
    html.dataset.looks = of.looks || looks || html.dataset.looks;
    if (told) said.textContent = told;
    folds().forEach((fold, place) => { if (opened[place]) fold.open = true; });
    if (at >= 0 && !main.contains(document.activeElement)) folds()[at]?.querySelector("summary").focus({ preventScroll: true });
    if (focus && !main.contains(document.activeElement)) {
      const link = [...main.querySelectorAll("a")].find((one) => one.getAttribute("href") === focus);
      (link || main).focus({ preventScroll: true });
    }
  }

  listen();
  setInterval(look, 500);
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pageshow", look);
  window.addEventListener("pagehide", () => source.close());
})();
