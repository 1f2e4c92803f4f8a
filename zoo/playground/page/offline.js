// Keeps what the page has loaded, and answers with it when there is no network.
const STORE = "playground";
// The page itself was loaded before this script.
const PAGE = ["./", "style.css", "example.png", "app.js", "elements.js", "flow.js", "images.js", "models.js", "random.js", ...["codes", "draw", "emoji",
  "enlarge", "faces", "pixels", "sketch", "styles", "words"].map((tab) => `tabs/${tab}.js`)];

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(STORE).then((store) => store.addAll(PAGE)));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  event.respondWith((async () => {
    const store = await caches.open(STORE);
    try {
      const response = await fetch(event.request);
      if (response.ok) await store.put(event.request, response.clone());
      return response;
    } catch (error) {
      const kept = await store.match(event.request);
      if (kept) return kept;
      throw error;
    }
  })());
});
