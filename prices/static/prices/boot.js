// What the theme's libraries would do without being asked, and the Content-Security-Policy forbids.
"use strict";

if (window.htmx) {
  htmx.config.includeIndicatorStyles = false;
  htmx.config.allowEval = false;
}
