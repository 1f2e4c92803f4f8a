// The page: its tabs, and the menu of the presets that fit a tab.
import { attempt, make, menu, say } from "./elements.js";
import { loadModels } from "./models.js";
import codes from "./tabs/codes.js";
import draw from "./tabs/draw.js";
import emoji from "./tabs/emoji.js";
import enlarge from "./tabs/enlarge.js";
import faces from "./tabs/faces.js";
import pixels from "./tabs/pixels.js";
import sketch from "./tabs/sketch.js";
import styles from "./tabs/styles.js";
import words from "./tabs/words.js";

const TABS = [draw, faces, styles, words, sketch, enlarge, emoji, pixels, codes];
const bar = document.getElementById("tabs"), panel = document.getElementById("panel");

/** Shows a tab with one of the models that fit it. */
function open(tab, models, model) {
  const controls = make("div", { class: "controls" }), stage = make("div", { class: "stage" });
  panel.setAttribute("aria-labelledby", `tab-${tab.id}`);
  panel.replaceChildren(make("p", { class: "lead" }, tab.lead), controls, stage);
  controls.append(menu("Model", models.map(({ name }) => [name, name]), (name) =>
    open(tab, models, models.find((each) => each.name === name)), model.name));
  history.replaceState(null, "", `#${tab.id}/${model.name}`);
  say("Loading the model …");
  return attempt(() => tab.build(model, controls, stage));
}

async function begin() {
  const models = await loadModels();
  const fitting = TABS.map((tab) => [tab, models.filter(tab.fits)]).filter(([, found]) => found.length);
  if (!fitting.length) throw new Error("None of the models here has something to do on this page.");
  const [wantedTab, wantedModel] = location.hash.slice(1).split("/");

  function select(index, name) {
    const [tab, found] = fitting[index];
    for (const [place, each] of [...bar.children].entries()) {
      each.setAttribute("aria-selected", place === index);
      each.tabIndex = place === index ? 0 : -1;
    }
    return open(tab, found, found.find((model) => model.name === name) || found[0]);
  }

  bar.append(...fitting.map(([tab], index) => make("button",
    { type: "button", role: "tab", id: `tab-${tab.id}`, "aria-controls": "panel", onclick: () => select(index) }, tab.title)));
  bar.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    const index = ([...bar.children].indexOf(document.activeElement) + move + fitting.length) % fitting.length;
    bar.children[index].focus();
    select(index);
  });
  await select(Math.max(0, fitting.findIndex(([tab]) => tab.id === wantedTab)), wantedModel);
}

/** Waits until what is loaded is also kept, so that it is there without a network later. */
async function keep() {
  const workers = navigator.serviceWorker;
  // Browsers offer this to safe addresses only, and the page does without it.
  if (!workers || workers.controller) return;
  const kept = new Promise((resolve) => {
    workers.addEventListener("controllerchange", resolve, { once: true });
    setTimeout(resolve, 1000);
  });
  await workers.register("offline.js").then(() => kept, () => {});
}

attempt(async () => {
  await keep();
  await begin();
});
