"""Bodies are JSON, whatever their Content-Type: curl's -d calls everything a form."""

from __future__ import annotations

from rest_framework.parsers import JSONParser


class AnyJSONParser(JSONParser):
    media_type = "*/*"
