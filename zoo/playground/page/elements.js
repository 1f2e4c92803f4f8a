// Parts of the page.

let labels = 0;

/** Makes an element: attributes by name, `on...` listeners, then its children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Makes a control with its visible label. */
export function labelled(text, control) {
  control.id = `control-${labels++}`;
  return make("label", { for: control.id }, make("span", { class: "name" }, text), control);
}

export function slider(text, { min, max, step, value }, change) {
  const input = make("input", { type: "range", min, max, step, value });
  input.addEventListener("input", () => change(Number(input.value)));
  return labelled(text, input);
}

export function menu(text, choices, change, chosen) {
  const select = make("select", { onchange: () => change(select.value) });
  for (const [value, name] of choices) select.append(make("option", { value, selected: value === chosen }, name));
  return labelled(text, select);
}

export function number(text, value, change) {
  const input = make("input", { type: "number", min: 0, max: 2 ** 31 - 1, step: 1, value });
  input.addEventListener("change", () => {
    if (!input.checkValidity() || input.value === "") input.value = value;
    change(Number(input.value));
  });
  return labelled(text, input);
}

/** Makes the control of a seed and a button that draws another one; `show` gives the control a seed. */
export function seeds(text, value, change) {
  const label = number("Seed", value, change), input = label.querySelector("input");
  const show = (seed) => { input.value = seed; };
  const another = button(text, () => {
    const seed = Math.floor(Math.random() * 1e6);
    show(seed);
    change(seed);
  }, { class: "main" });
  return { label, another, show };
}

/** Makes the menu of a model's classes, or nothing if it has none. */
export function classMenu(model, change) {
  if (!model.num_classes) return "";
  const names = model.class_names || Array.from({ length: model.num_classes }, (_, label) => label);
  return menu("Class", names.map((name, label) => [label, name]), (label) => change(Number(label)));
}

export function button(text, press, attributes = {}) {
  return make("button", { type: "button", onclick: press, ...attributes }, text);
}

export function file(text, read) {
  const input = make("input", { type: "file", accept: "image/*" });
  input.addEventListener("change", () => input.files.length && attempt(() => read(input.files[0])));
  return labelled(text, input);
}

/** Makes a canvas that shows one image. */
export function picture(label, shape, attributes = {}) {
  const coarse = shape[0] <= 32 ? " coarse" : "";
  const canvas = make("canvas", { role: "img", "aria-label": label, class: `large${coarse}`, ...attributes });
  [canvas.height, canvas.width] = shape;
  return canvas;
}

/** Says something to the user: a state, or what went wrong. */
export function say(text, isError = false) {
  const status = document.getElementById("status");
  status.textContent = text;
  status.classList.toggle("error", isError);
}

/** Does something, and says what went wrong. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    say(error.message, true);
  }
}

/** Returns a function that does the latest of the calls that came while it was busy. */
export function latest(work) {
  let busy = false, next = null;
  return async (...given) => {
    next = given;
    if (busy) return;
    busy = true;
    while (next) {
      const now = next;
      next = null;
      await attempt(() => work(...now));
    }
    busy = false;
  };
}
