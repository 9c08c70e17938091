// Saves the answer of a test as soon as it is given. Without this script the buttons of the page save it.
(function () {
  'use strict';
  var form = document.getElementById('question');
  var saved = document.getElementById('saved');
  if (!form || !window.fetch) return;
  var timer = 0;
  var order = Promise.resolve();

  function save() {
    clearTimeout(timer);
    var body = new URLSearchParams(new FormData(form));
    body.set('then', 'stay');
    order = order
      .then(function () {
        return fetch(form.action, { method: 'POST', body: body, credentials: 'same-origin' });
      })
      .then(function (answer) {
        saved.hidden = !answer.ok;
        document.getElementById('unsaved').hidden = answer.ok;
      })
      .catch(function () {
        saved.hidden = true;
        document.getElementById('unsaved').hidden = false;
        timer = setTimeout(save, 5000);
      });
  }

  function mark() {
    Array.prototype.forEach.call(form.querySelectorAll('.choice'), function (label) {
      label.classList.toggle('on', label.querySelector('input').checked);
    });
  }

  form.addEventListener('change', function () {
    mark();
    save();
  });
  form.addEventListener('input', function (event) {
    if (event.target.type !== 'text') return;
    clearTimeout(timer);
    timer = setTimeout(save, 800);
  });

  var left = document.getElementById('left');
  if (left) {
    var due = Date.parse(left.getAttribute('data-due'));
    var tick = function () {
      var seconds = Math.max(0, Math.round((due - Date.now()) / 1000));
      left.textContent = Math.floor(seconds / 60) + ':' + ('0' + (seconds % 60)).slice(-2);
      if (seconds === 0) location.reload();
      else setTimeout(tick, 1000);
    };
    tick();
  }
})();
