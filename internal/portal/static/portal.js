// Everything on the pages works without this script. It renews the progress of
// a run, counts ticks while they are set, hides questions that do not apply,
// says before the upload that a file is too large, keeps a button from being
// pressed twice, and warns before a session ends.
"use strict";

const each = (selector, use) => document.querySelectorAll(selector).forEach(use);
const thousands = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

// A problem with the form is where somebody should look first.
document.getElementById("problems")?.focus();

// Where nobody is signed in any more, the page makes room for one that says so,
// unless something was typed: that is kept when it is sent.
let typed = false;
document.addEventListener("input", () => { typed = true; });
const notice = (text, ...more) => {
  document.querySelector(".ending")?.remove();
  const box = document.createElement("div"), p = document.createElement("p");
  box.className = "ending";
  box.setAttribute("role", "alert");
  p.textContent = text;
  box.append(p, ...more);
  document.body.append(box);
  return box;
};
const signedOut = () => {
  if (typed) notice("You were signed out, because nothing was done here for a while. Send this form as it is: you sign in again, and what you typed is there.");
  else location.replace("/signed-out?to=" + encodeURIComponent(location.pathname + location.search));
};

// Menus close when something else is pressed.
document.addEventListener("click", (e) => each(".menu__group[open], .actions[open]", (d) => { if (!d.contains(e.target)) d.open = false; }));
document.addEventListener("keydown", (e) => {
  if (e.key !== "Escape") return;
  each(".menu__group[open], .actions[open]", (d) => { d.open = false; d.querySelector("summary").focus(); });
});

// Progress: put the new numbers in place; load the page again when the
// operation has entered another state. Who listens to the page is told each tenth.
each("[data-poll]", (box) => {
  const told = document.getElementById("progress-told");
  const tell = () => {
    const bar = box.querySelector("progress");
    const words = bar ? Math.floor(bar.value / 10) * 10 + " % processed" : "";
    if (told.textContent !== words) told.textContent = words;
  };
  const look = async () => {
    try {
      const answer = await fetch(box.dataset.poll, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (answer.status === 401) { signedOut(); return; }
      if (answer.ok) {
        const state = answer.headers.get("Bulkops-State");
        if (state && state !== box.dataset.state) { location.replace(location.pathname); return; }
        const text = await answer.text();
        if (text) { box.innerHTML = text; tell(); }
      }
    } catch { /* no connection at the moment: try again */ }
    setTimeout(look, 1500);
  };
  setTimeout(look, 800);
});

// Ticks on the list of patients.
const list = document.getElementById("patients");
if (list && document.getElementById("selection-text")) {
  const text = document.getElementById("selection-text");
  const ticks = [...list.querySelectorAll("input[name=tick]")];
  const before = ticks.filter((t) => t.checked).length;
  const all = list.dataset.all === "true", more = list.dataset.more === "true";
  list.addEventListener("change", () => {
    const change = ticks.filter((t) => t.checked).length - before;
    const selected = Number(list.dataset.selected) + change;
    const left = all ? Number(list.dataset.leftOut) - change : 0;
    text.textContent = (all && more ? "All that match selected" : selected === 0 ? "None selected" : thousands(selected) + " selected") + (left > 0 ? ", " + thousands(left) + " left out" : "");
  });
}

// Questions that go only with one answer. What goes with another one is not sent.
each("form[data-reveal]", (form) => {
  const show = () => {
    form.querySelectorAll("[data-when]").forEach((part) => {
      const question = part.dataset.of || form.dataset.reveal;
      const asked = `input[name="${question}"]`;
      const answer = form.querySelector(`${asked}:checked:enabled`)?.value;
      part.hidden = part.dataset.when !== answer;
      // While nothing is chosen, ticks are sent: they would come back unticked.
      const open = answer === undefined && form.querySelector(`${asked}:enabled`) !== null;
      part.querySelectorAll("input, select").forEach((i) => { i.disabled = part.hidden && !(open && i.type === "checkbox"); });
    });
  };
  form.addEventListener("change", show);
  show();
});

// A file that is too large is not sent at all.
each("input[type=file][data-most]", (input) => {
  const form = input.form;
  form.addEventListener("submit", (e) => {
    const file = input.files[0];
    document.getElementById("file-size")?.remove();
    if (!file || file.size <= Number(input.dataset.most)) return;
    e.preventDefault();
    const words = document.createElement("span");
    words.id = "file-size";
    words.className = "usa-error-message";
    words.setAttribute("role", "alert");
    words.textContent = input.dataset.tooLarge;
    input.before(words);
    input.focus();
  });
});

// The second press of a button does nothing. The server would see that it is
// the same request anyway.
each("form[data-once]", (form) => form.addEventListener("submit", (e) => {
  if (form.dataset.sent) { e.preventDefault(); return; }
  form.dataset.sent = "yes";
}));
addEventListener("pageshow", () => each("form[data-once]", (form) => { delete form.dataset.sent; }));

// Topics of the help, while typing.
const words = document.getElementById("words"), topics = document.getElementById("topics");
if (words && topics) {
  words.addEventListener("input", () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    topics.querySelectorAll("li").forEach((li) => { li.hidden = !wanted.every((w) => li.dataset.words.toLowerCase().includes(w)); });
  });
}

// Two minutes before a session ends for want of activity, say so; one key keeps
// it. What was typed is kept in any case.
const idle = Number(document.body.dataset.idle || 0) * 1000, token = document.body.dataset.token;
if (idle > 0) {
  const warn = Math.max(idle - 150000, idle / 2);
  let timer;
  const start = () => { clearTimeout(timer); timer = setTimeout(announce, warn); };
  // Another page may have kept the session: only the server knows.
  const look = async () => {
    const answer = await fetch("/still-here", { cache: "no-store" }).catch(() => null);
    if (!answer) { timer = setTimeout(look, 30000); return; }
    document.querySelector(".ending")?.remove();
    if (answer.status === 401) signedOut(); else start();
  };
  const announce = () => {
    const stay = document.createElement("button");
    stay.className = "usa-button";
    stay.type = "button";
    stay.textContent = "Stay signed in";
    stay.addEventListener("click", async () => {
      const answer = await fetch("/still-here", { method: "POST", body: new URLSearchParams({ form_token: token }) }).catch(() => null);
      if (!answer) return; // no connection at the moment: press again
      box.remove();
      if (answer.status === 204) start(); else if (answer.status === 401) { clearTimeout(timer); signedOut(); } else location.reload();
    });
    const box = notice("You will be signed out in about two minutes, because nothing was done here for a while. What you typed is kept.", stay);
    stay.focus();
    timer = setTimeout(look, idle - warn + 5000);
  };
  start();
}
