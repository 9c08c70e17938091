// Sends what was typed before the wait, once it is the reader's turn. Without this script the reader presses the button.
(function () {
  "use strict";
  var form = document.querySelector("form[data-turn]");
  if (form) form.submit();
})();
