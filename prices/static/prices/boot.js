// Turns off features of the theme's libraries that the Content-Security-Policy forbids.
"use strict";

if (window.htmx) {
  htmx.config.includeIndicatorStyles = false;
  htmx.config.allowEval = false;
}
