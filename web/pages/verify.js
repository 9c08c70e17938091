// Checks the signature in the QR code of a certificate, in the browser alone: what follows the # in the address never
// reaches a server. The claim is CBOR with small numbers as keys, followed by an Ed25519 signature.
(function () {
  'use strict';

  /** Bytes of base64url. */
  function bytesOf(text) {
    var plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
    var bytes = new Uint8Array(plain.length);
    for (var i = 0; i < plain.length; i++) bytes[i] = plain.charCodeAt(i);
    return bytes;
  }

  /** Reads the part of CBOR (RFC 8949) that a claim is made of: a map of numbers, texts and bytes. */
  function readClaim(bytes) {
    var at = 0;
    function next() {
      if (at >= bytes.length) throw new Error('short');
      return bytes[at++];
    }
    function item() {
      var head = next();
      var kind = head >> 5;
      var value = head & 31;
      if (value >= 24) {
        var size = { 24: 1, 25: 2, 26: 4 }[value];
        if (!size) throw new Error('size');
        value = 0;
        while (size--) value = value * 256 + next();
      }
      if (kind === 0) return value;
      if (kind === 2 || kind === 3) {
        if (at + value > bytes.length) throw new Error('short');
        var part = bytes.subarray(at, (at += value));
        return kind === 2 ? part : new TextDecoder('utf-8', { fatal: true }).decode(part);
      }
      if (kind !== 5) throw new Error('kind');
      var map = {};
      while (value--) {
        var key = item();
        map[key] = item();
      }
      return map;
    }
    var claim = item();
    if (at !== bytes.length || claim[1] !== 1) throw new Error('claim');
    return claim;
  }

  function hex(bytes) {
    return Array.prototype.map.call(bytes, function (b) { return (b < 16 ? '0' : '') + b.toString(16); }).join('');
  }

  /** Ed25519 (RFC 8032 section 5.1.7), for browsers whose WebCrypto does not have it. It needs no secrecy, so it need not be fast or even in time. */
  async function verifyByHand(key, signature, message) {
    var n = BigInt;
    var zero = n(0), one = n(1), two = n(2);
    var p = (two << n(254)) - n(19);
    var order = (one << n(252)) + n('27742317777372353535851937790883648493');
    function mod(a) { var r = a % p; return r < zero ? r + p : r; }
    function power(base, exponent) {
      var result = one;
      for (base = mod(base); exponent > zero; exponent >>= one) {
        if (exponent & one) result = mod(result * base);
        base = mod(base * base);
      }
      return result;
    }
    function inverse(a) { return power(a, p - two); }
    function little(bytes) {
      var value = zero;
      for (var i = bytes.length - 1; i >= 0; i--) value = (value << n(8)) + n(bytes[i]);
      return value;
    }
    var d = mod(n(-121665) * inverse(n(121666)));
    var root = power(two, (p - one) / n(4));
    function recover(y, sign) {
      var square = mod((y * y - one) * inverse(d * y * y + one));
      var x = power(square, (p + n(3)) / n(8));
      if (mod(x * x - square) !== zero) x = mod(x * root);
      if (mod(x * x - square) !== zero) return null;
      if ((x & one) !== sign) x = mod(-x);
      return x;
    }
    function point(bytes) {
      var y = little(bytes);
      var sign = y >> n(255);
      y = y & ((one << n(255)) - one);
      if (y >= p) return null;
      var x = recover(y, sign);
      return x === null ? null : [x, y, one, mod(x * y)];
    }
    function add(a, b) {
      var A = mod((a[1] - a[0]) * (b[1] - b[0])), B = mod((a[1] + a[0]) * (b[1] + b[0]));
      var C = mod(two * a[3] * b[3] * d), D = mod(two * a[2] * b[2]);
      var E = B - A, F = D - C, G = D + C, H = B + A;
      return [mod(E * F), mod(G * H), mod(F * G), mod(E * H)];
    }
    function times(scalar, a) {
      var sum = [zero, one, one, zero];
      for (; scalar > zero; scalar >>= one) {
        if (scalar & one) sum = add(sum, a);
        a = add(a, a);
      }
      return sum;
    }
    var A = point(key), R = point(signature.subarray(0, 32)), s = little(signature.subarray(32));
    if (!A || !R || s >= order) return false;
    var input = new Uint8Array(64 + message.length);
    input.set(signature.subarray(0, 32));
    input.set(key, 32);
    input.set(message, 64);
    var k = little(new Uint8Array(await crypto.subtle.digest('SHA-512', input))) % order;
    var y = mod(n(4) * inverse(n(5)));
    var base = [recover(y, zero), y, one, zero];
    base[3] = mod(base[0] * base[1]);
    var left = times(s, base), right = add(R, times(k, A));
    return mod(left[0] * right[2] - right[0] * left[2]) === zero && mod(left[1] * right[2] - right[1] * left[2]) === zero;
  }

  async function verify(key, signature, message) {
    try {
      var imported = await crypto.subtle.importKey('raw', key, { name: 'Ed25519' }, false, ['verify']);
      return await crypto.subtle.verify({ name: 'Ed25519' }, imported, signature, message);
    } catch (_) {
      return verifyByHand(key, signature, message);
    }
  }

  /** The claim of a fragment, when its signature is by one of the keys; else null. */
  async function check(fragment, keys) {
    var sealed = bytesOf(fragment);
    if (sealed.length <= 64) return null;
    var message = sealed.subarray(0, sealed.length - 64);
    var claim = readClaim(message);
    var name = hex(claim[11]) + '-qr';
    var key = keys.filter(function (k) { return k.kid === name && k.crv === 'Ed25519'; })[0];
    if (!key || !(await verify(bytesOf(key.x), sealed.subarray(sealed.length - 64), message))) return null;
    return claim;
  }

  if (typeof document === 'undefined') {
    globalThis.lecternVerify = { check: check, verifyByHand: verifyByHand, bytesOf: bytesOf, readClaim: readClaim };
    return;
  }

  var box = document.getElementById('signature');

  /** Shows one of the answers that stand in the page. */
  function show(which) {
    Array.prototype.forEach.call(box.querySelectorAll('[data-answer]'), function (part) { part.hidden = part.getAttribute('data-answer') !== which; });
    box.hidden = false;
  }

  function grouped(number) { return number.replace(/(.{4})(?=.)/g, '$1-'); }

  function fill(claim) {
    var values = {
      name: claim[3], activity: claim[4], credit: (claim[6] / 100).toFixed(2) + ' ' + claim[5], provider: claim[10] || '', number: grouped(claim[2]),
      issued: new Date(claim[7] * 86400000).toISOString().slice(0, 10), time: Math.floor(claim[8] / 60) + ' + ' + Math.floor(claim[9] / 60) + ' min',
    };
    Object.keys(values).forEach(function (key) {
      Array.prototype.forEach.call(box.querySelectorAll('[data-field="' + key + '"]'), function (field) { field.textContent = values[key]; });
    });
  }

  /** What the page from the server says must be what was signed. */
  function differs(claim) {
    var printed = document.querySelector('[data-printed="number"]');
    if (!printed) return false;
    var name = document.querySelector('[data-printed="name"]');
    return printed.textContent !== grouped(claim[2]) || name.textContent !== claim[3];
  }

  async function run() {
    var fragment = location.hash.slice(1);
    if (fragment.length < 100) return;
    try {
      var answer = await fetch('/.well-known/jwks.json');
      var keys = (await answer.json()).keys;
      var claim = await check(fragment, keys);
      if (claim) fill(claim);
      show(!claim ? 'bad' : differs(claim) ? 'differs' : document.querySelector('[data-printed]') ? 'good' : 'alone');
    } catch (error) {
      show(error instanceof TypeError ? 'unable' : 'bad');
    }
  }

  window.addEventListener('hashchange', run);
  void run();
  if (navigator.serviceWorker) navigator.serviceWorker.register('/v/worker.js', { scope: '/v' }).catch(function () {});
})();
