// Keeps the page for checking certificates, so that it works without a connection.
'use strict';

const name = 'lectern-verify-/* version */';
const files = [/* files */];

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(name).then((cache) => cache.addAll(files)).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((all) => Promise.all(all.filter((other) => other.indexOf('lectern-verify-') === 0 && other !== name).map((other) => caches.delete(other))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('fetch', (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== 'GET' || address.origin !== self.location.origin) return;
  if (event.request.mode === 'navigate') {
    // The kept page knows no status, only signatures: it stands in where the server cannot be reached.
    event.respondWith(fetch(event.request).catch(() => caches.match('/v')));
    return;
  }
  if (files.indexOf(address.pathname) < 0) return;
  if (address.pathname === '/.well-known/jwks.json') {
    event.respondWith(
      fetch(event.request)
        .then((answer) => {
          const copy = answer.clone();
          if (answer.ok) event.waitUntil(caches.open(name).then((cache) => cache.put(event.request, copy)));
          return answer;
        })
        .catch(() => caches.match(event.request)),
    );
    return;
  }
  event.respondWith(caches.match(event.request).then((kept) => kept || fetch(event.request)));
});
