"""The Django app of the price cache."""

from django.apps import AppConfig


class PricesConfig(AppConfig):
    name = "prices"
    verbose_name = "Price cache"
