"""Permissions of the price API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:  # rest_framework.views imports this module while it is itself being imported
    from rest_framework.views import APIView


class ReadOrStaff(BasePermission):
    """Reads are public, or need an account by setting; changes need a staff account."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS:
            return settings.PUBLIC_READS or request.user.is_authenticated
        if request.method not in view.allowed_methods:
            raise MethodNotAllowed(str(request.method))  # the same for everybody, not 401 or 403
        return bool(request.user.is_authenticated and request.user.is_staff)
