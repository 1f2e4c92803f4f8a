// Enlarges photographs part by part.
import { attempt, button, file, make, say } from "../elements.js";
import { downloadPicture, pixels, readPicture, show, values } from "../images.js";

// Parts of this side keep the memory small and the progress steady.
const PART = 48, MOST = 640;

export default {
  id: "enlarge",
  title: "Enlarge",
  lead: "Photographs become larger and stay sharp. A photograph of up to 640 pixels a side is enlarged in parts.",
  fits: (model) => Boolean(model.scale) && model.has("generator"),

  build(model, controls, stage) {
    const { scale, halo } = model, channels = model.shape[2];
    const before = make("canvas", { class: "large", role: "img", "aria-label": "The photograph, enlarged by the browser" });
    const after = make("canvas", { class: "large", role: "img", "aria-label": "The photograph, enlarged by the model",
      "data-picture": "enlarge" });
    const progress = make("progress", { max: 1, value: 0, "aria-label": "Progress" });
    let round = 0;

    async function enlarge(picture) {
      const mine = ++round, { width, height } = picture;
      before.width = after.width = width * scale;
      before.height = after.height = height * scale;
      const given = new OffscreenCanvas(width, height);
      given.getContext("2d").putImageData(picture, 0, 0);
      for (const canvas of [before, after]) {
        canvas.getContext("2d").drawImage(given, 0, 0, canvas.width, canvas.height);
      }
      const parts = [];
      for (let top = 0; top < height; top += PART) for (let left = 0; left < width; left += PART) parts.push([left, top]);
      for (const [index, [left, top]] of parts.entries()) {
        const right = Math.min(width, left + PART), bottom = Math.min(height, top + PART);
        // The surroundings of a part belong to what the network sees.
        const [x, y] = [Math.max(0, left - halo), Math.max(0, top - halo)];
        const [end, low] = [Math.min(width, right + halo), Math.min(height, bottom + halo)];
        const seen = given.getContext("2d").getImageData(x, y, end - x, low - y);
        const { images } = await model.run("generator", { image: values(seen, channels) });
        if (mine !== round) return;
        after.getContext("2d").putImageData(pixels(images), x * scale, y * scale, (left - x) * scale, (top - y) * scale,
          (right - left) * scale, (bottom - top) * scale);
        progress.value = (index + 1) / parts.length;
        say(`${index + 1} of ${parts.length} parts are enlarged.`);
      }
      say(`The photograph now has ${width * scale} x ${height * scale} pixels.`);
    }

    /** Part of a photograph that no model was trained on: perched-osprey.jpg of the Budgie Desktop Developers, CC0. */
    async function example() {
      const picture = await (await fetch("example.png")).blob();
      return enlarge(await readPicture(new File([picture], "example.png"), MOST));
    }

    controls.append(
      file("A photograph", async (chosen) => enlarge(await readPicture(chosen, MOST))),
      button("An example", () => attempt(example), { class: "main" }),
      progress,
      make("p", { class: "hint" }, `Each side becomes ${scale} times as long.`),
      button("Stop", () => { round++; }),
    );
    stage.append(
      make("div", { class: "pictures" },
        make("figure", {}, before, make("figcaption", {}, "Enlarged by the browser")),
        make("figure", {}, after, make("figcaption", {}, "Enlarged by the model"))),
      make("div", { class: "row" }, button("Download the image", () => downloadPicture(after, `${model.name}-enlarged`))));
    return example();
  },
};
