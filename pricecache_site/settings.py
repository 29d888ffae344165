"""All settings; each one a deployment may change is read from the environment (or `.env`)."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import litecharts
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.templatetags.static import static

from pricecache_site.environment import BASE_DIR, log_level, names, read, text, time_zone
from pricecache_site.environment import UNREADABLE as UNREADABLE  # what `manage.py check` tells

# --- where things live -----------------------------------------------------------------------
DATA_DIR = Path(text("PRICECACHE_DATA_DIR", str(BASE_DIR / "var"))).resolve()


def _secret_key() -> str:
    """The key from the environment, else one made once and kept in the data folder."""
    if given := text("PRICECACHE_SECRET_KEY"):
        return given
    path = DATA_DIR / "secret_key"
    try:
        if not path.exists():
            DATA_DIR.mkdir(parents=True, exist_ok=True)
            draft = DATA_DIR / f"secret_key.{os.getpid()}"
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(50))
            # Linked, not moved: of two processes that start at once, both read the first one's.
            with suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
        return path.read_text()
    except OSError as error:
        raise SystemExit(
            f"The data folder {DATA_DIR} cannot be used ({error.strerror}): "
            "make it writable, or set PRICECACHE_DATA_DIR to another folder."
        ) from None


SECRET_KEY = _secret_key()
DEBUG = read("PRICECACHE_DEBUG", False)
ALLOWED_HOSTS = names("PRICECACHE_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = names("PRICECACHE_CSRF_TRUSTED_ORIGINS", [])

# --- the web address -------------------------------------------------------------------------
WEB_HOST = text("PRICECACHE_HOST", "127.0.0.1").strip()
WEB_PORT = read("PRICECACHE_PORT", 8080)
WEB_WORKERS = read("PRICECACHE_WEB_WORKERS", 2)
WEB_THREADS = read("PRICECACHE_WEB_THREADS", 4)
PUBLIC_READS = read("PRICECACHE_PUBLIC_READS", True)

# --- the first admin user --------------------------------------------------------------------
ADMIN_USER = text("PRICECACHE_ADMIN_USER", "admin")
ADMIN_PASSWORD = text("PRICECACHE_ADMIN_PASSWORD")


def _part_of_memory() -> float:
    """A sixteenth of the machine's memory in GB, from 0.25 to 2.

    What the server does not hold it reads from its files, which takes a read a fifth longer.
    """
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return round(min(max(gigabytes / 16, 0.25), 2.0), 2)


# --- MongoDB ---------------------------------------------------------------------------------
MONGOD_PORT = read("PRICECACHE_MONGOD_PORT", 27917)
MONGOD_CACHE_GB = read("PRICECACHE_MONGOD_CACHE_GB", _part_of_memory())
MONGODB_EMBEDDED = not text("MONGODB_URI")
MONGODB_URI = text("MONGODB_URI") or (
    f"mongodb://127.0.0.1:{MONGOD_PORT}/?replicaSet=pricecache&directConnection=true"
)
MONGODB_DATABASE = text("MONGODB_DATABASE", "pricecache")

# --- reading ---------------------------------------------------------------------------------
# Series that each web process keeps in memory, at most.
SERIES_MEMORY_MB = read("PRICECACHE_SERIES_MEMORY_MB", 128)
# Seconds for which what was just seen of a symbol may be believed without looking again.
VERSION_TTL = read("PRICECACHE_VERSION_TTL", 1.0)
# Seconds from one writing down of what was read to the next.
USAGE_FLUSH_SECONDS = 10.0

# --- the provider ----------------------------------------------------------------------------
PRICES_PROVIDER = text("PRICECACHE_PROVIDER", "prices.providers.yahoo.YahooProvider")
YAHOO_PROXY = text("PRICECACHE_YAHOO_PROXY")
YAHOO_THREADS = read("PRICECACHE_YAHOO_THREADS", 4)
YAHOO_TIMEOUT_SECONDS = read("PRICECACHE_YAHOO_TIMEOUT_SECONDS", 15.0)
# Of all processes and machines together.
YAHOO_REQUESTS_PER_MINUTE = read("PRICECACHE_YAHOO_REQUESTS_PER_MINUTE", 120)
YAHOO_BURST = read("PRICECACHE_YAHOO_BURST", 240)
# None: all the history there is.
HISTORY_YEARS = read("PRICECACHE_HISTORY_YEARS", 0) or None
# Symbols that are compared with the provider each night; 0: none.
VERIFY_SAMPLE = read("PRICECACHE_VERIFY_SAMPLE", 20)
# What else the first start shows, once the sample's prices are there: commands of manage.py.
SAMPLE_COMMANDS = ("demo_portfolio",)
# Also refresh quotes before the open and after the close.
LIVE_EXTENDED_HOURS = read("PRICECACHE_LIVE_EXTENDED_HOURS", False)

# --- Django ----------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
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
    "prices.api.compression.gzip_json",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "prices.web.security_headers.page_policy",
]
ROOT_URLCONF = "pricecache_site.urls"
WSGI_APPLICATION = "pricecache_site.wsgi.application"
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
            "libraries": {
                name: f"portfolio.web.templatetags.{name}"
                for name in ("portfolio_drawing", "portfolio_format")
            },
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "pricecache.sqlite3",
        # Only WAL with immediate transactions and a long busy timeout never said
        # "database is locked" under two clusters and two web writers.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
# In the database: a cache in each process's memory would hide the cluster from the web process.
CACHES = {
    "default": {
        "BACKEND": "pricecache_site.database_cache.CalmCache",
        "LOCATION": "django_cache",
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Of the portfolio's pages; the admin has a login page of its own.
LOGIN_URL = "portfolios:login"
LANGUAGE_CODE = "en-us"
TIME_ZONE = time_zone("PRICECACHE_TIME_ZONE", "UTC")
USE_TZ = True
STATIC_URL = "static/"
# Served straight from the installed packages: there is no collectstatic step to forget.
# `litecharts` ships lightweight-charts as one file.
STATICFILES_DIRS = [("litecharts", Path(litecharts.__file__).parent / "js")]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
X_FRAME_OPTIONS = "DENY"
# A form holds the text of the largest file that may be imported into a portfolio.
DATA_UPLOAD_MAX_MEMORY_SIZE = 6_000_000
SECURE_CONTENT_TYPE_NOSNIFF = True

# All that a page needs comes from this server. Our own pages have neither inline scripts nor inline
# styles; what is allowed beside that, the theme and the API's documentation need.
CONTENT_SECURITY_POLICY = {
    # Bars are no page, and asked for a thousand times a second.
    "EXCLUDE_URL_PREFIXES": ["/cache/historical/"],
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, UNSAFE_EVAL],  # the theme's Alpine makes functions of its attributes
        "style-src-elem": [
            SELF,
            # Swagger UI's page.
            "'sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0='",
            # What lightweight-charts says of its logo.
            "'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='",
        ],
        "style-src-attr": [UNSAFE_INLINE],  # Alpine sets styles by their attribute
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
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "prices": {"level": LOG_LEVEL},
        # yfinance's own words repeat, less exactly, what the provider's errors say.
        "yfinance": {"level": "CRITICAL"},
    },
}

# --- django-q2 -------------------------------------------------------------------------------
CLUSTER_WORKERS = read("PRICECACHE_CLUSTER_WORKERS", 2)
Q_CLUSTER = {
    "name": "pricecache",
    "label": "Jobs",
    "orm": "default",
    "workers": CLUSTER_WORKERS,
    # A failed job is not run again by the queue (by default it would be, for ever): the next
    # sync heals what it left. `retry` must exceed `timeout`, or long jobs would run twice.
    "timeout": 900,
    "retry": 1200,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "queue_limit": 4,
    "bulk": 1,
    "recycle": 100,
    "max_rss": 600_000,
    "poll": 0.5,
    "guard_cycle": 1,
    "save_limit": 50,
    "save_limit_per": "group",
    "cache": "default",
    "time_zone": TIME_ZONE,
    # Each canary would be three lines a minute; the runs are in the admin.
    "log_level": "WARNING",
}

# --- REST ------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["prices.api.permissions.ReadOrStaff"],
    "DEFAULT_RENDERER_CLASSES": ["prices.api.formats.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["prices.api.formats.AnyJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "prices.api.formats.FormatNegotiation",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "prices.web.problems.problem_response",
}
# Below these, what is not found or fails is told as problem+json instead of a page.
API_PATHS = ("/cache/", "/portfolio/", "/healthz", "/readyz")
SPECTACULAR_SETTINGS = {
    "TITLE": "Price cache",
    "DESCRIPTION": "Daily prices that say how complete and how fresh they are.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- the admin -------------------------------------------------------------------------------
# The theme's login page, opened by itself, does not name the page to go to.
LOGIN_REDIRECT_URL = "admin:index"
UNFOLD = {
    "SITE_TITLE": "Price cache",
    "SITE_HEADER": "Price cache",
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
        lambda request: static("prices/theme.css"),
        lambda request: static("prices/admin.css"),
        lambda request: static("prices/panels.css"),
        lambda request: static("prices/symbols.css"),
    ],
    "SCRIPTS": [lambda request: static("prices/boot.js")],
    # They are in theme.css: the theme itself would write them into each page.
    "COLORS": lambda request: {},
    "DASHBOARD_CALLBACK": "prices.admin.dashboard.dashboard",
    "SIDEBAR": {"navigation": "prices.admin.navigation.sidebar"},
}
