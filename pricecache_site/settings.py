"""The settings. Those that a deployment may change come from the environment or from `.env`."""

import os
import secrets
import tomllib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import litecharts
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.templatetags.static import static

from pricecache_site import data_folder
from pricecache_site.environment import BASE_DIR, log_level, names, read, text, time_zone
from pricecache_site.environment import UNREADABLE as UNREADABLE  # reported by `manage.py check`

# The project runs from its checkout, so there is no installed package to ask for its version.
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

DATA_DIR = Path(text("PRICECACHE_DATA_DIR", str(BASE_DIR / "var"))).resolve()


# Every process of the system reads the settings before it writes anything. What it creates then is
# for its own user only.
os.umask(0o077)


def _from_data_folder(read_from: Callable[[Path], str]) -> str:
    """Returns a secret that is created once in the data folder."""
    try:
        return read_from(DATA_DIR)
    except OSError as error:
        raise SystemExit(data_folder.explain_folder_error(DATA_DIR, error)) from None


def _secret_key() -> str:
    """Returns the key from the environment, or the one of the data folder."""
    return text("PRICECACHE_SECRET_KEY") or _from_data_folder(
        lambda folder: data_folder.read_secret(
            folder / "secret_key", lambda: secrets.token_urlsafe(50)
        )
    )


SECRET_KEY = _secret_key()
DEBUG = read("PRICECACHE_DEBUG", False)
ALLOWED_HOSTS = names("PRICECACHE_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = names("PRICECACHE_CSRF_TRUSTED_ORIGINS", [])

# Behind a proxy that ends TLS: pages and cookies over https only.
HTTPS = read("PRICECACHE_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
# Load balancers and the supervisor ask for these inside.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
# Browsers remember this for so long that it has to be asked for.
SECURE_HSTS_SECONDS = read("PRICECACHE_HSTS_SECONDS", 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = read("PRICECACHE_HSTS_PRELOAD", False)
# How many proxies stand in front. Each adds the address that it saw to X-Forwarded-For.
PROXIES = read("PRICECACHE_PROXIES", 1 if HTTPS else 0)

WEB_HOST = text("PRICECACHE_HOST", "127.0.0.1").strip()
WEB_PORT = read("PRICECACHE_PORT", 8080)
WEB_WORKERS = read("PRICECACHE_WEB_WORKERS", 2)
WEB_THREADS = read("PRICECACHE_WEB_THREADS", 4)
PUBLIC_READS = read("PRICECACHE_PUBLIC_READS", True)

ADMIN_USER = text("PRICECACHE_ADMIN_USER", "admin")
ADMIN_PASSWORD = text("PRICECACHE_ADMIN_PASSWORD")


def _default_mongod_cache_gb() -> float:
    """Returns a sixteenth of the machine's memory, between 0.25 and 2 GB.

    A read that misses the cache goes to the files and takes a fifth longer.
    """
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return round(min(max(gigabytes / 16, 0.25), 2.0), 2)


MONGOD_PORT = read("PRICECACHE_MONGOD_PORT", 27917)
MONGOD_CACHE_GB = read("PRICECACHE_MONGOD_CACHE_GB", _default_mongod_cache_gb())
MONGODB_EMBEDDED = not text("MONGODB_URI")
MONGODB_URI = text("MONGODB_URI") or _from_data_folder(
    lambda folder: data_folder.mongodb_uri(folder, MONGOD_PORT)
)
MONGODB_DATABASE = text("MONGODB_DATABASE", "pricecache")

# The largest size of the series that each web process keeps in memory.
SERIES_MEMORY_MB = read("PRICECACHE_SERIES_MEMORY_MB", 128)
# Seconds for which a process may use what it last read about a symbol without reading it again.
VERSION_TTL = read("PRICECACHE_VERSION_TTL", 1.0)
# Seconds between two saves of the counted reads.
USAGE_FLUSH_SECONDS = 10.0

PRICES_PROVIDER = text("PRICECACHE_PROVIDER", "prices.providers.yahoo.YahooProvider")
YAHOO_PROXY = text("PRICECACHE_YAHOO_PROXY")
YAHOO_THREADS = read("PRICECACHE_YAHOO_THREADS", 4)
YAHOO_TIMEOUT_SECONDS = read("PRICECACHE_YAHOO_TIMEOUT_SECONDS", 15.0)
# The limits hold for all processes and machines together.
YAHOO_REQUESTS_PER_MINUTE = read("PRICECACHE_YAHOO_REQUESTS_PER_MINUTE", 120)
YAHOO_BURST = read("PRICECACHE_YAHOO_BURST", 240)
# None means all the history there is.
HISTORY_YEARS = read("PRICECACHE_HISTORY_YEARS", 0) or None
# The number of symbols compared with the provider each night; 0 means none.
VERIFY_SAMPLE = read("PRICECACHE_VERIFY_SAMPLE", 20)
# The symbols that one user may track; 0 means any number. Superusers have no limit.
SYMBOLS_PER_USER = read("PRICECACHE_SYMBOLS_PER_USER", 1_000)
# Functions that return which of some symbols are in use.
SYMBOL_HOLDERS = ("portfolio.booking.held_symbols",)
# Commands that the first start runs once the sample is loaded.
SAMPLE_COMMANDS = ("demo_portfolio",)
# Also refresh quotes before the open and after the close.
LIVE_EXTENDED_HOURS = read("PRICECACHE_LIVE_EXTENDED_HOURS", False)

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "django_q",
    "prices",
    "portfolio",
    "pricecache_site.operations",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "prices.web.middleware.gzip_json",
    "prices.web.middleware.api_problems",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "prices.web.middleware.page_policy",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "pricecache_site.urls"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"portfolio_tags": "portfolio.web.template_tags"},
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "pricecache.sqlite3",
        # Only WAL with immediate transactions and a long busy timeout never failed with
        # "database is locked" in a test with two clusters and two web writers.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # What was answered must survive a power cut. NORMAL would lose up to half a minute.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
}
# The cache is in the database: with a cache in the memory of each process, the web processes
# would not see what the cluster writes.
CACHES = {
    "default": {
        "BACKEND": "pricecache_site.database_cache.ReadOnlyLookupCache",
        "LOCATION": "django_cache",
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# After so many wrong passwords for a name from an address, neither is heard of the other for a
# while. Other addresses may still log in with the name, so nobody can lock its owner out by it.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "prices.web.access.client_address"
AXES_LOCKOUT_CALLABLE = "prices.web.access.refuse_login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Used by the portfolio's pages; the admin has its own login page.
LOGIN_URL = "portfolios:login"
TIME_ZONE = time_zone("PRICECACHE_TIME_ZONE", "UTC")
STATIC_URL = "static/"
# Static files are served from the installed packages, so there is no collectstatic step.
# `litecharts` contains lightweight-charts as one file.
STATICFILES_DIRS = [("litecharts", Path(litecharts.__file__).parent / "js")]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
# A form holds the text of the largest file that may be imported into a portfolio.
DATA_UPLOAD_MAX_MEMORY_SIZE = 6_000_000

# Pages load everything from this server. Our own pages have neither inline scripts nor inline
# styles; the admin's theme and the API's documentation need the exceptions below.
CONTENT_SECURITY_POLICY = {
    # Bars are not a page, and the header would cost time in the most frequent request.
    "EXCLUDE_URL_PREFIXES": ["/cache/historical/"],
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, UNSAFE_EVAL],  # Alpine, in the theme, evaluates its attributes
        "style-src-elem": [
            SELF,
            # Swagger UI's page.
            "'sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0='",
            # The style of the logo of lightweight-charts.
            "'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='",
        ],
        "style-src-attr": [UNSAFE_INLINE],  # Alpine sets the style attribute
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}

LOG_LEVEL = log_level("PRICECACHE_LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "pricecache_site.operations.logfiles.LineFormatter",
            "format": "%(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "prices": {"level": LOG_LEVEL},
        # Its messages repeat, less exactly, what the provider's errors say.
        "yfinance": {"level": "CRITICAL"},
    },
}

CLUSTER_WORKERS = read("PRICECACHE_CLUSTER_WORKERS", 2)
Q_CLUSTER = {
    "name": "pricecache",
    "label": "Jobs",
    "orm": "default",
    "broker_class": "prices.jobs.own_queue.ClusterBroker",
    "workers": CLUSTER_WORKERS,
    # The queue does not run a failed job again (by default it would, without end), because the
    # next sync repairs what is left. `retry` must exceed `timeout`, or long jobs would run twice.
    "timeout": 900,
    "retry": 1200,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "queue_limit": 4,
    "recycle": 100,
    "max_rss": 600_000,
    "poll": 0.5,
    "guard_cycle": 1,
    "save_limit": 50,
    "save_limit_per": "group",
    # At INFO each canary writes three lines a minute. The admin shows the runs.
    "log_level": "WARNING",
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "prices.web.tokens.HashedTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["prices.api.policies.ReadOrRight"],
    "DEFAULT_RENDERER_CLASSES": ["prices.api.policies.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["prices.api.policies.AnyJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "prices.api.policies.FormatNegotiation",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "prices.web.problems.problem_response",
}
# As long as the tokens of version 0.1, so that nothing that finds or checks them has to change.
REST_KNOX = {"AUTH_TOKEN_CHARACTER_LENGTH": 40, "TOKEN_TTL": None}
# Below these paths, errors are answered with problem+json instead of a page.
API_PATHS = ("/cache/", "/portfolio/", "/healthz", "/readyz")
SPECTACULAR_SETTINGS = {
    "TITLE": "Price cache",
    "DESCRIPTION": "Daily prices that say how complete and how fresh they are.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    # Only so does the schema say which texts of a request may not be empty.
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "prices.web.schema.document_rules",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# The theme's login page has no page to return to when it is opened directly.
LOGIN_REDIRECT_URL = "admin:index"
UNFOLD = {
    "SITE_TITLE": "Price cache",
    "SITE_HEADER": "Price cache",
    "SITE_SUBHEADER": f"Version {VERSION}",
    "SITE_SYMBOL": "candlestick_chart",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("prices/favicon.svg"),
        }
    ],
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [
        lambda request, name=name: static(f"prices/{name}.css")
        for name in ("theme", "admin", "panels", "symbols")
    ],
    "SCRIPTS": [lambda request: static("prices/boot.js")],
    # The colours are in theme.css. The theme itself would write them into each page.
    "COLORS": lambda request: {},
    "DASHBOARD_CALLBACK": "prices.admin.dashboard.dashboard",
    "SIDEBAR": {"navigation": "prices.admin.navigation.sidebar"},
}
