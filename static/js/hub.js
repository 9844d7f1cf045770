// Behaviour of the page shell. No dependency, no inline handler: everything hangs on data attributes,
// listened to on the document so that fragments swapped in later behave the same.
const text = document.getElementById("hub-strings")?.dataset ?? {};
const language = document.documentElement.lang || "en";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

const stored = {
  get(key, where = localStorage) { try { return where.getItem(key); } catch { return null; } },
  set(key, value, where = localStorage) { try { where.setItem(key, value); } catch { /* private mode: forget */ } },
  remove(key, where = localStorage) { try { where.removeItem(key); } catch { /* private mode */ } },
};

/* Theme */
function showTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of all("[data-theme-set]")) button.setAttribute("aria-pressed", button.dataset.themeSet === theme);
}
function setTheme(theme) {
  if (theme === "system") stored.remove("hub-theme");
  else stored.set("hub-theme", theme);
  showTheme(theme);
}

/* Announcements and toasts */
function announce(sentence) {
  const region = document.getElementById("hub-live");
  if (!region) return;
  region.textContent = "";
  setTimeout(() => { region.textContent = sentence; }, 50);
}
function history() { return JSON.parse(stored.get("hub-messages", sessionStorage) || "[]"); }
function remember(sentence) {
  const kept = [{ text: sentence, at: new Date().toISOString() }, ...history()].slice(0, 20);
  stored.set("hub-messages", JSON.stringify(kept), sessionStorage);
}
function fade(toast) {
  if (toast.dataset.stay !== undefined) return;
  let timer;
  const leave = () => { toast.dataset.leaving = ""; setTimeout(() => toast.remove(), 300); };
  const wait = () => { timer = setTimeout(leave, 6000); };
  for (const pause of ["pointerenter", "focusin"]) toast.addEventListener(pause, () => clearTimeout(timer));
  for (const resume of ["pointerleave", "focusout"]) toast.addEventListener(resume, wait);
  wait();
}
function toast({ level = "success", text: sentence, request_id: requestId }) {
  const template = document.getElementById(level === "error" ? "toast-error" : "toast-success");
  const node = template.content.firstElementChild.cloneNode(true);
  node.querySelector("[data-text]").textContent = sentence;
  const reference = node.querySelector("[data-request-id]");
  if (reference && requestId) {
    reference.hidden = false;
    reference.querySelector("code").textContent = requestId;
    reference.querySelector("[data-copy]").dataset.copy = requestId;
  }
  document.querySelector(".toasts").append(node);
  remember(sentence);
  fade(node);
}
function showHistory() {
  const list = document.getElementById("messages-log");
  list.replaceChildren(...history().map(({ text: sentence, at }) => {
    const item = document.createElement("li");
    item.textContent = `${new Date(at).toLocaleTimeString(language)} · ${sentence}`;
    return item;
  }));
  document.getElementById("messages-none").hidden = list.children.length > 0;
}

/* Copying */
function copyByEvent(value) {
  // For pages served without TLS, where navigator.clipboard is missing. The value never enters the DOM.
  let done = false;
  const write = (event) => { event.clipboardData.setData("text/plain", value); event.preventDefault(); done = true; };
  document.addEventListener("copy", write, { once: true });
  document.execCommand("copy");
  document.removeEventListener("copy", write);
  if (!done) throw new Error("copy refused");
}
async function copyText(promise) {
  if (window.ClipboardItem && navigator.clipboard?.write) {
    // A promise, because Safari ends the permission of the click before the answer has come.
    const blob = promise.then((value) => new Blob([value], { type: "text/plain" }));
    return navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]).catch(async () => copyByEvent(await promise));
  }
  return copyByEvent(await promise);
}
function copied(button) {
  announce(button.dataset.copied || text.copied);
  const label = button.querySelector("[data-copy-label]");
  const before = label?.textContent;
  button.dataset.copiedNow = "";
  if (label) label.textContent = text.copied;
  setTimeout(() => { delete button.dataset.copiedNow; if (label) label.textContent = before; }, 2500);
}
function token() {
  return JSON.parse(document.body.getAttribute("hx-headers") || "{}")["x-csrftoken"] || "";
}
async function fetchLink(url) {
  const headers = { "X-CSRFToken": token(), Accept: "application/json" };
  const response = await fetch(url, { method: "POST", headers, credentials: "same-origin" });
  const answer = await response.json().catch(() => ({}));
  if (response.ok && answer.url) return answer.url;
  throw Object.assign(new Error(answer.detail || answer.description || text.copyFailed), {
    shown: true, requestId: response.headers.get("x-request-id"),
  });
}
async function copyFrom(button) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  const link = fetchLink(button.dataset.copyFrom);
  try {
    await copyText(link);
    copied(button);
    toast({ text: button.dataset.copied || text.copied });
  } catch {
    // The clipboard hides why its promise failed; the link's own error says it.
    const reason = await link.then(() => null, (error) => error);
    toast({ level: "error", text: reason?.shown ? reason.message : text.copyFailed, request_id: reason?.requestId });
  } finally {
    button.removeAttribute("aria-busy");
  }
}
function copy(button) {
  copyText(Promise.resolve(button.dataset.copy)).then(
    () => copied(button),
    () => toast({ level: "error", text: text.copyFailed }),
  );
}

/* A form that takes long: how far it has come, told under the address in its `data-busy`. */
async function tellProgress(busy) {
  const answer = await fetch(busy.dataset.busy).catch(() => null);
  if (answer?.status === 200) busy.querySelector("[data-told]").textContent = await answer.text();
}

/* Times: the server writes them, this keeps them true while the page stays open. */
const relative = new Intl.RelativeTimeFormat(language, { numeric: "always" });
function inWords(milliseconds) {
  const minutes = Math.trunc(milliseconds / 60000);
  if (minutes === 0) return text.now;
  if (Math.abs(minutes) < 60) return relative.format(minutes, "minute");
  const hours = Math.trunc(minutes / 60);
  if (Math.abs(hours) < 48) return relative.format(hours, "hour");
  return relative.format(Math.trunc(hours / 24), "day");
}
function refreshTimes() {
  // Against the server's clock at load, not the visitor's: the hub's clock may be shifted or theirs wrong.
  const now = Date.now() + skew;
  for (const time of all("time[data-when]")) {
    const away = new Date(time.dateTime) - now;
    if (Math.abs(away) > 60 * 86400000) continue;
    const overdue = time.dataset.when === "deadline" && away < 0;
    const words = overdue ? text.overdue.replace("{when}", inWords(away)) : inWords(away);
    if (time.textContent !== words) time.textContent = words;
    if (time.dataset.when === "deadline") {
      time.classList.toggle("overdue", overdue);
      time.classList.toggle("soon", !overdue && away < 2 * 86400000);
    }
  }
}
const skew = text.time ? new Date(text.time) - Date.now() : 0;

/* Seconds that run out, e.g. until a held change leaves; the server's absolute time stands there without scripts. */
const seconds = new Intl.NumberFormat(language, { style: "unit", unit: "second", unitDisplay: "short" });
function refreshCountdowns() {
  const now = Date.now() + skew;
  for (const timer of all("[data-countdown]")) {
    const left = Math.max(0, Math.ceil((new Date(timer.dataset.countdown) - now) / 1000));
    const words = left ? seconds.format(left) : timer.dataset.over;
    if (timer.textContent !== words) timer.textContent = words;
  }
}

/* Dialogs, menus, tooltips */
let looker = null; // the button of the row that is looked at, while it is
function markLooker(button) {
  for (const row of all("tr[data-looked]")) delete row.dataset.looked;
  looker = button?.matches("[data-peek]") ? button : null;
  looker?.closest("tr").setAttribute("data-looked", "");
  looker?.scrollIntoView({ block: "nearest" });
}
function openDialog(id, opener) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return;
  if (id === "hub-messages") showHistory();
  if (id === "hub-command") fillCommands();
  dialog.showModal();
  dialog.addEventListener("close", () => { (looker ?? opener)?.focus(); markLooker(null); }, { once: true });
}
function onLoadedDialog(event) {
  // The fragment is there before its dialog opens, so a request that fails leaves no empty dialog behind.
  const dialog = document.getElementById("hub-dialog");
  if (event.detail.target !== dialog) return;
  markLooker(event.detail.requestConfig?.elt);
  if (!dialog.open) openDialog("hub-dialog", event.detail.requestConfig?.elt);
  else (dialog.querySelector("[aria-invalid='true'],[autofocus]") ?? document.getElementById("hub-dialog-title"))?.focus();
}
function closeMenus(except) {
  for (const menu of all("details.menu[open]")) if (menu !== except) menu.open = false;
}
function onClick(event) {
  const hit = (selector) => event.target.closest?.(selector);
  const button = hit("[data-theme-set],[data-copy],[data-copy-from],[data-dialog-open],[data-dialog-close],[data-toast-close]");
  closeMenus(hit("details.menu"));
  if (hit("[aria-disabled='true']")) {
    event.preventDefault();
    const why = document.getElementById(hit("[aria-disabled='true']").getAttribute("aria-describedby"));
    if (why) announce(why.textContent.trim());
  } else if (event.target.matches?.("dialog")) event.target.close();
  else if (!button) followRow(event);
  else if (button.dataset.themeSet) setTheme(button.dataset.themeSet);
  else if (button.dataset.copy !== undefined) copy(button);
  else if (button.dataset.copyFrom) copyFrom(button);
  else if (button.dataset.dialogOpen) openDialog(button.dataset.dialogOpen, button);
  else if (button.dataset.dialogClose !== undefined) button.closest("dialog").close();
  else button.closest(".toast").remove();
}

/* Rows */
const interactive = "a,button,input,select,textarea,label,summary,time[tabindex]";
function followRow(event) {
  const row = event.target.closest?.("table[data-rows] tbody tr");
  const link = row?.querySelector("a.row-link");
  if (!link || event.target.closest(interactive) || String(getSelection())) return;
  if (event.metaKey || event.ctrlKey) window.open(link.href, "_blank", "noopener");
  else link.click();
}
function moveRow(step) {
  const links = all("table[data-rows] a.row-link");
  if (!links.length) return;
  const row = document.activeElement.closest?.("tr");
  const here = links.findIndex((link) => row?.contains(link));
  const next = here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step;
  links[Math.max(0, Math.min(links.length - 1, next))].focus();
}
function lookOn(step) {
  const buttons = all("[data-peek]");
  buttons[buttons.indexOf(looker) + step]?.click();
}
function selectRow() {
  document.activeElement.closest?.("table[data-rows] tr")?.querySelector("input[type=checkbox]")?.click();
}
function pressKey(key) {
  const button = (place) => place?.querySelector(`[data-key="${key}"]`);
  const selected = document.querySelector("[data-bulk-bar]:not([hidden])");
  (button(selected) ?? button(document.activeElement.closest?.("table[data-rows] tr")))?.click();
}
function showScripted() {
  for (const shown of all("[data-needs-js]")) shown.hidden = false;
  for (const form of all("[data-bulk]")) countSelected(form);
}

/* Choosing rows for a bulk change */
function countSelected(form) {
  const boxes = all("input[name=ids]", form);
  const chosen = boxes.filter((box) => box.checked).length;
  const page = form.querySelector("[data-bulk-page]");
  const every = form.querySelector("[data-bulk-all]");
  if (!page) { form.querySelector("[data-bulk-bar]")?.setAttribute("hidden", ""); return; }
  page.checked = chosen === boxes.length;
  page.indeterminate = chosen > 0 && chosen < boxes.length;
  form.querySelector("[data-bulk-bar]").hidden = !chosen && !every?.checked;
  const counter = form.querySelector("[data-bulk-count]");
  counter.textContent = every?.checked ? "" : counter.dataset.bulkCount.replace("{n}", chosen);
}
function onSelect(box) {
  const form = box.closest("[data-bulk]");
  if (!form) return;
  if (box.matches("[data-bulk-page]")) for (const each of all("input[name=ids]", form)) each.checked = box.checked;
  const every = form.querySelector("[data-bulk-all]");
  if (every && box !== every) every.checked = false;
  countSelected(form);
}

/* Parts that look again by themselves: never while hidden, nor under the reader's hands */
const typed = "input:not([type=checkbox]),select,textarea";
const isBusy = (part) => document.hidden || document.querySelector("dialog[open]") || part.querySelector(`details[open],:is(${typed}):focus`);
let kept = null;
function keepPlace(part) {
  const rows = all("a.row-link", part);
  const row = document.activeElement.closest?.("tr");
  const here = part.contains(document.activeElement) ? rows.findIndex((link) => row?.contains(link)) : -1;
  kept = { here, focused: document.activeElement.id, chosen: all("input[name=ids]:checked", part).map((box) => box.value) };
}
function findPlace(part) {
  if (!kept) return;
  for (const box of all("input[name=ids]", part)) box.checked = kept.chosen.includes(box.value);
  const rows = all("a.row-link", part);
  if (kept.here >= 0) (document.getElementById(kept.focused) ?? rows[Math.min(kept.here, rows.length - 1)])?.focus({ preventScroll: true });
  kept = null;
}
function onLive(event) {
  const part = event.detail.elt?.closest?.("[data-live]");
  if (!part || part !== event.detail.elt) return;
  if (event.type === "htmx:configRequest") event.detail.headers["If-None-Match"] = `"${part.querySelector("[data-etag]")?.dataset.etag ?? ""}"`;
  if (event.type === "htmx:beforeRequest" && isBusy(part)) event.preventDefault();
  if (event.type !== "htmx:beforeSwap") return;
  const { xhr } = event.detail;
  if (xhr.status === 304 && xhr.getResponseHeader("ETag")) part.querySelector("[data-etag]").dataset.etag = xhr.getResponseHeader("ETag").replaceAll('"', "");
  if (isBusy(part)) event.detail.shouldSwap = false;
}

/* Command bar: what the page can do, where one can go, and what the hub finds */
const plain = (words) => words.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const commandBox = () => document.getElementById("command-input");
const commandOptions = () => all("#command-list [role=option]").filter((option) => !option.hidden);
function commandOption(label, choose) {
  const option = document.getElementById("command-option").content.firstElementChild.cloneNode(true);
  option.querySelector("span").textContent = label;
  option.addEventListener("click", () => { document.getElementById("hub-command").close(); choose(); });
  return option;
}
function fillCommands() {
  const labelled = (element) => element.dataset.command || element.textContent.trim().replace(/\s+/g, " ");
  const actions = all("[data-command]").filter((element) => !element.hidden && element.ariaDisabled !== "true");
  document.querySelector("#command-actions > div").replaceChildren(
    ...actions.map((element) => commandOption(labelled(element), () => { element.focus(); element.matches("input") || element.click(); })),
  );
  document.querySelector("#command-places > div").replaceChildren(
    ...all(".nav a").map((link) => commandOption(labelled(link), () => link.click())),
  );
  document.getElementById("command-found").replaceChildren();
  commandBox().value = "";
  sift(true);
}
function sift(first) {
  const pointed = first ? null : commandOptions().find((option) => option.getAttribute("aria-selected") === "true");
  const words = plain(commandBox().value).split(/\s+/);
  for (const option of all("#command-actions [role=option],#command-places [role=option]")) {
    option.hidden = !words.every((word) => plain(option.textContent).includes(word));
  }
  for (const group of all("#command-list [role=group]")) group.hidden = !group.querySelector("[role=option]:not([hidden])");
  point(Math.max(commandOptions().indexOf(pointed), 0));
}
function point(index) {
  const options = commandOptions();
  options.forEach((option, number) => {
    option.id = `command-${number}`;
    option.setAttribute("aria-selected", number === index);
  });
  document.getElementById("command-none").hidden = options.length > 0;
  if (!options.length) { commandBox().removeAttribute("aria-activedescendant"); return; }
  commandBox().setAttribute("aria-activedescendant", `command-${index}`);
  options[index].scrollIntoView({ block: "nearest" });
}
function onCommandKey(event) {
  const options = commandOptions();
  const here = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && options.length) point((here + step + options.length) % options.length);
  else if (event.key === "Enter") options[here]?.click();
  else return;
  event.preventDefault();
}

/* Keys */
const keysAreOn = () => stored.get("hub-keys") !== "off";
const focusSearch = () => document.querySelector("[data-search]")?.select();
const keys = {
  "/": focusSearch, "?": () => openDialog("hub-help", document.activeElement),
  j: () => moveRow(1), k: () => moveRow(-1), x: selectRow,
  a: () => pressKey("a"), s: () => pressKey("s"), n: () => pressKey("n"),
};
function onKey(event) {
  if (event.target.id === "command-input") onCommandKey(event);
  if (event.key === "Escape") {
    event.target.closest?.("[data-inline]")?.querySelector("[data-inline-leave]").click();
    for (const menu of all("details.menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
    for (const why of all(".why")) why.dataset.quiet = "";
    return;
  }
  if ((event.ctrlKey || event.metaKey) && event.key === "k" && keysAreOn()) {
    event.preventDefault();
    if (!document.querySelector("dialog[open]")) openDialog("hub-command", document.activeElement);
    return;
  }
  if (event.key in { j: 1, k: 1 } && keysAreOn() && document.querySelector("#hub-dialog[open] [data-peeking]")) {
    lookOn(event.key === "j" ? 1 : -1);
    return;
  }
  const peek = event.key === " " && keysAreOn() && event.target.matches?.("a.row-link") && event.target.closest("tr").querySelector("[data-peek]");
  if (peek) { event.preventDefault(); peek.click(); return; }
  const typing = event.target.closest?.("input:not([type=checkbox]),select,textarea,dialog,[contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !keysAreOn()) return;
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
}

/* Start */
document.addEventListener("click", onClick);
document.addEventListener("keydown", onKey);
document.addEventListener("focusout", (event) => { delete event.target.closest?.(".why")?.dataset.quiet; });
document.addEventListener("pointerout", (event) => { delete event.target.closest?.(".why")?.dataset.quiet; });
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-keys-switch]")) stored.set("hub-keys", event.target.checked ? "on" : "off");
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
  if (event.target.matches("[data-bulk] input[type=checkbox]")) onSelect(event.target);
});
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-forget]")) stored.remove("hub-messages", sessionStorage);
  const busy = event.target.querySelector("[data-busy]");
  busy?.removeAttribute("hidden");
  if (busy?.dataset.busy) setInterval(() => tellProgress(busy), 1000);
});
document.addEventListener("toast", (event) => toast(event.detail));
document.addEventListener("closeDialog", () => document.querySelector("dialog[open]")?.close());
document.addEventListener("input", (event) => { if (event.target.id === "command-input") sift(true); });
document.addEventListener("htmx:afterSwap", onLoadedDialog);
for (const step of ["htmx:configRequest", "htmx:beforeRequest", "htmx:beforeSwap"]) document.addEventListener(step, onLive);
document.addEventListener("htmx:beforeSwap", ({ detail }) => { if (detail.target.matches("[data-live]") && detail.shouldSwap) keepPlace(detail.target); });
document.addEventListener("htmx:afterSwap", ({ detail }) => { if (detail.target.matches("[data-live]")) findPlace(detail.target); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) document.body.dispatchEvent(new Event("look")); });
document.addEventListener("htmx:afterSwap", (event) => { if (event.detail.target?.id === "command-found") sift(); });
document.addEventListener("htmx:afterSettle", (event) => {
  refreshTimes();
  refreshCountdowns();
  showScripted();
});
for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, (event) => {
    // A page that refreshes itself would otherwise pile up the same message every few seconds.
    if (event.detail.requestConfig?.triggeringEvent === undefined && document.querySelector(".toast[data-failure]")) return;
    toast({ level: "error", text: text.failed, request_id: event.detail.xhr?.getResponseHeader("x-request-id") });
    document.querySelector(".toasts").lastElementChild.dataset.failure = "";
  });
}
showTheme(document.documentElement.dataset.theme || "system");
showScripted();
for (const box of all("[data-keys-switch]")) box.checked = keysAreOn();
for (const shown of all(".toast")) { remember(shown.querySelector("[data-text]").textContent.trim()); fade(shown); }
refreshTimes();
setInterval(refreshTimes, 20000);
refreshCountdowns();
setInterval(refreshCountdowns, 1000);
