// Colours what the user sketches.
import { button, file, latest, make, picture, say, slider } from "../elements.js";
import { downloadPicture, drawn, pixels, readSquare, show, values } from "../images.js";

// The paper is larger than the network's images, so that a hand can draw on it.
const PAPER = 352, STEP = 8;
const CENTRE = PAPER / 2;

export default {
  id: "sketch",
  title: "Sketch",
  lead: "Draw an emoji in black lines, and see it coloured. With the keyboard: arrows move the pen, space lowers and lifts it.",
  fits: (model) => model.takes("generator", "image") && !model.scale && !model.has("to_images"),

  build(model, controls, stage) {
    const [height, width, channels] = model.networks.generator.inputs.image.shape.slice(1);
    const paper = make("canvas", { class: "large paper", tabindex: 0, width: PAPER, height: PAPER, "data-paper": true,
      "aria-label": "Paper to sketch on. Arrow keys move the pen, space lowers and lifts it." });
    const coloured = picture("The coloured sketch", model.shape, { "data-picture": "sketch" });
    const context = paper.getContext("2d", { willReadFrequently: true });
    const before = [];
    let size = 6, at = null, keyboard = { x: CENTRE, y: CENTRE, down: false };

    const colour = latest(async () => {
      const { images } = await model.run("generator", { image: values(drawn(paper, width, height), channels) });
      show(coloured, pixels(images));
      say("");
    });

    function clear() {
      context.fillStyle = "white";
      context.fillRect(0, 0, PAPER, PAPER);
    }

    function remember() {
      before.push(context.getImageData(0, 0, PAPER, PAPER));
      if (before.length > 20) before.shift();
    }

    function line(from, to) {
      context.lineWidth = size;
      context.lineCap = context.lineJoin = "round";
      context.strokeStyle = "black";
      context.beginPath();
      context.moveTo(from.x, from.y);
      context.lineTo(to.x, to.y);
      context.stroke();
    }

    function place(event) {
      const box = paper.getBoundingClientRect();
      return { x: (event.clientX - box.left) * PAPER / box.width, y: (event.clientY - box.top) * PAPER / box.height };
    }

    paper.addEventListener("pointerdown", (event) => {
      paper.setPointerCapture(event.pointerId);
      remember();
      at = place(event);
      line(at, at);
    });
    paper.addEventListener("pointermove", (event) => {
      if (!at) return;
      const next = place(event);
      line(at, next);
      at = next;
      colour();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      paper.addEventListener(end, () => {
        at = null;
        colour();
      });
    }
    paper.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
      const move = moves[event.key];
      if (!move && event.key !== " ") return;
      event.preventDefault();
      if (!move) {
        keyboard.down = !keyboard.down;
        if (keyboard.down) remember();
        return say(`The pen is ${keyboard.down ? "down" : "up"} at ${keyboard.x}, ${keyboard.y}.`);
      }
      const inside = (value) => Math.min(PAPER, Math.max(0, value));
      const next = { ...keyboard, x: inside(keyboard.x + move[0]), y: inside(keyboard.y + move[1]) };
      if (keyboard.down) {
        line(keyboard, next);
        colour();
      }
      keyboard = next;
    });

    function circle(x, y, radius, from = 0, to = 2 * Math.PI) {
      context.beginPath();
      context.arc(x, y, radius, from, to);
      context.stroke();
    }

    function example() {
      remember();
      clear();
      [context.lineWidth, context.strokeStyle, context.lineCap] = [9, "black", "round"];
      circle(CENTRE, CENTRE, 120);
      circle(CENTRE, CENTRE + 5, 72, 0.15 * Math.PI, 0.85 * Math.PI);
      for (const side of [-1, 1]) {
        context.beginPath();
        context.ellipse(CENTRE + side * 45, CENTRE - 35, 9, 15, 0, 0, 2 * Math.PI);
        context.fillStyle = "black";
        context.fill();
      }
      return colour();
    }

    controls.append(
      button("An example", example, { class: "main" }),
      slider("Width of the pen", { min: 3, max: 16, step: 1, value: size }, (value) => { size = value; }),
      make("div", { class: "row" },
        button("Undo", () => {
          if (before.length) context.putImageData(before.pop(), 0, 0);
          colour();
        }),
        button("Clear", () => {
          remember();
          clear();
          colour();
        })),
      file("A line drawing of your own", async (chosen) => {
        const read = await createImageBitmap(await readSquare(chosen, PAPER));
        remember();
        context.drawImage(read, 0, 0);
        await colour();
      }),
    );
    stage.append(
      make("div", { class: "pictures" },
        make("figure", {}, paper, make("figcaption", {}, "Your sketch")),
        make("figure", {}, coloured, make("figcaption", {}, "Coloured"))),
      make("div", { class: "row" }, button("Download the image", () => downloadPicture(coloured, `${model.name}-sketch`))));
    clear();
    return example();
  },
};
