// Images between networks, canvases and files. Networks take and give values in [-1, 1], row by row.

/** Returns `ImageData` of one image of a batch `{data, dims}`. */
export function pixels({ data, dims }, index = 0) {
  const [, height, width, channels] = dims;
  const image = new ImageData(width, height);
  const start = index * height * width * channels;
  for (let place = 0; place < height * width; place++) {
    for (let colour = 0; colour < 3; colour++) {
      const value = data[start + place * channels + Math.min(colour, channels - 1)];
      image.data[4 * place + colour] = Math.round((value + 1) * 127.5);
    }
    image.data[4 * place + 3] = 255;
  }
  return image;
}

/** Returns the values of `ImageData`, `{data, dims}` of one image. */
export function values(image, channels = 3) {
  const data = new Float32Array(image.width * image.height * channels);
  for (let place = 0; place < image.width * image.height; place++) {
    const [red, green, blue] = image.data.subarray(4 * place, 4 * place + 3);
    const colours = channels === 1 ? [0.299 * red + 0.587 * green + 0.114 * blue] : [red, green, blue];
    colours.forEach((value, colour) => { data[place * channels + colour] = value / 127.5 - 1; });
  }
  return { data, dims: [1, image.height, image.width, channels] };
}

export function show(canvas, image) {
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Reads a picture, shrunk to at most `most` pixels on a side. */
export async function readPicture(file, most) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name} is no picture that this browser can read.`);
  }
  const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
  return drawn(bitmap, Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
}

/** Reads a picture as a square of a size, on white, with the whole motif in it. */
export async function readSquare(file, side) {
  const picture = await readPicture(file, 2048);
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d").putImageData(picture, 0, 0);
  const scale = side / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  return drawn(canvas, side, side, [(side - width) / 2, (side - height) / 2, width, height]);
}

/** Draws a picture on white, and returns its `ImageData`. */
export function drawn(picture, width, height, place = [0, 0, width, height]) {
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, ...place);
  return context.getImageData(0, 0, width, height);
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has read it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function downloadPicture(canvas, name) {
  canvas.toBlob((blob) => download(blob, `${name}.png`), "image/png");
}

export function downloadJson(value, name) {
  download(new Blob([JSON.stringify(value)], { type: "application/json" }), `${name}.json`);
}
