// Presses the one button of a personal link. Without this script the reader presses it; a mail scanner that
// only fetches the page does not use the link up.
(function () {
  "use strict";
  var form = document.getElementById("join");
  if (form) form.submit();
})();
