"""Settings of the hub, all from the environment (`.env.example` lists every variable)."""

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from accounts.policy import AGENT_ROLES
from partnerhub import database_limits
from partnerhub.clock import parse_duration
from partnerhub.logs import configure_logging

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (env_file := BASE_DIR / ".env").exists():
    environ.Env.read_env(env_file)

HUB_ENV = env.str("HUB_ENV", default="production")
if HUB_ENV not in {"production", "demo", "test"}:
    raise ImproperlyConfigured(f"HUB_ENV is {HUB_ENV!r}: it must be production, demo or test")
IN_PRODUCTION = HUB_ENV == "production"

HUB_PORT = env.int("HUB_PORT", default=8000)
HUB_DATA = Path(env.str("HUB_DATA", default=".hub")).resolve()
HUB_BASE_URL = env.str("HUB_BASE_URL", default=f"http://127.0.0.1:{HUB_PORT}").rstrip("/")
# The tenant of the hub's own API clients, and our own PartnerID (never valid as an indirect reseller).
HUB_TENANT_ID = env.str("HUB_TENANT_ID", default="7c1b3f0e-52f5-4f0c-9b1e-5f1a3c2d4e6f")
HUB_PARTNER_ID = env.str("HUB_PARTNER_ID", default="1234567")
# Who issues our invoices; lines of the address are apart by a semicolon.
_seller = {"NAME": "", "ADDRESS": "", "VAT_ID": "", "COUNTRY": "", "BANK_ACCOUNT": ""}
if not IN_PRODUCTION:
    _seller = {
        "NAME": "Chmura Partnerska sp. z o.o.",
        "ADDRESS": "ul. Rejowa 8; 31-143 Kraków",
        "VAT_ID": "PL1199900015",
        "COUNTRY": "PL",
        "BANK_ACCOUNT": "PL61 1090 1014 0000 0712 1981 2874",
    }
HUB_SELLER_NAME = env.str("HUB_SELLER_NAME", default=_seller["NAME"])
HUB_SELLER_ADDRESS = env.str("HUB_SELLER_ADDRESS", default=_seller["ADDRESS"])
HUB_SELLER_VAT_ID = env.str("HUB_SELLER_VAT_ID", default=_seller["VAT_ID"])
HUB_SELLER_COUNTRY = env.str("HUB_SELLER_COUNTRY", default=_seller["COUNTRY"])
HUB_SELLER_BANK_ACCOUNT = env.str("HUB_SELLER_BANK_ACCOUNT", default=_seller["BANK_ACCOUNT"])
# Questions to publishers that one worker has under way at once.
HUB_POLL_PLACES = env.int("HUB_POLL_PLACES", default=500)
HUB_ALLOW_PRIVATE_PUBLISHERS = env.bool("HUB_ALLOW_PRIVATE_PUBLISHERS", default=False)
# Calls of one client to one of the API's large resources, to the others together, and failed sign-ins of one account
# (an hour, too) and from one address, customers' pages from one address: so many a minute, 0 for any number. Tests say
# their own.
_in_test = HUB_ENV == "test"
HUB_API_CALLS_A_MINUTE = env.int("HUB_API_CALLS_A_MINUTE", default=0 if _in_test else 500)
HUB_API_OTHER_CALLS_A_MINUTE = env.int("HUB_API_OTHER_CALLS_A_MINUTE", default=0 if _in_test else 1000)
HUB_FAILED_SIGN_INS_A_MINUTE = env.int("HUB_FAILED_SIGN_INS_A_MINUTE", default=0 if _in_test else 10)
HUB_FAILED_SIGN_INS_AN_HOUR = env.int("HUB_FAILED_SIGN_INS_AN_HOUR", default=0 if _in_test else 100)
HUB_FAILED_SIGN_INS_PER_ADDRESS = env.int("HUB_FAILED_SIGN_INS_PER_ADDRESS", default=0 if _in_test else 60)
HUB_CUSTOMER_PAGES_A_MINUTE = env.int("HUB_CUSTOMER_PAGES_A_MINUTE", default=0 if _in_test else 120)
HUB_CLOCK_OFFSET = env.str("HUB_CLOCK_OFFSET", default="")

DEFAULT_SECRET = "insecure-only-for-building-and-tests"  # noqa: S105 - refused in production below
# Building an image needs a key, but none that anybody knows: a hub that is left in this mode keeps no session either.
_building = IN_PRODUCTION and env.bool("HUB_BUILDING", default=False)
SECRET_KEY = secrets.token_urlsafe(50) if _building else env.str("SECRET_KEY", default=DEFAULT_SECRET)
# Keys of before a change: what they sealed (the signing keys, sessions) stays readable.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.bool("DEBUG", default=False)
if IN_PRODUCTION:
    if SECRET_KEY == DEFAULT_SECRET or len(SECRET_KEY) < 32:
        raise ImproperlyConfigured("SECRET_KEY must be set to a private random value of at least 32 characters")
    if DEBUG:
        raise ImproperlyConfigured("DEBUG must be off in production")
    if HUB_CLOCK_OFFSET:
        raise ImproperlyConfigured("HUB_CLOCK_OFFSET is for the demo and tests only")
    if HUB_ALLOW_PRIVATE_PUBLISHERS:
        raise ImproperlyConfigured("HUB_ALLOW_PRIVATE_PUBLISHERS is for the demo and tests only")
    if not _building and not HUB_BASE_URL.startswith("https://"):
        raise ImproperlyConfigured(f"HUB_BASE_URL is {HUB_BASE_URL!r}: in production it must begin with https://")
if HUB_CLOCK_OFFSET:
    parse_duration(HUB_CLOCK_OFFSET)

_default_hosts = [] if IN_PRODUCTION else ["127.0.0.1", "localhost", "[::1]", "testserver"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=_default_hosts)
if IN_PRODUCTION and any("*" in host or host.startswith(".") for host in ALLOWED_HOSTS):
    raise ImproperlyConfigured("ALLOWED_HOSTS must name each host: with a wildcard anybody's name would be answered")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[HUB_BASE_URL])

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "csp",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "pgtrigger",
    "rest_framework",
    "template_partials",
    "partnerhub.outbox",
    "partnerhub.api",
    "partnerhub.web",
    "partnerhub.mail",
    "accounts",
    "partnerhub.hooks",
    "partnerhub.jobs",
    "customers",
    "publishers",
    "subscriptions",
    "billing",
    "partnerhub.notifications",
]

MIDDLEWARE = [
    "subscriptions.views.lasting.idle",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "partnerhub.web.middleware.compressed",
    "partnerhub.web.policy.PolicyMiddleware",
    "partnerhub.web.middleware.limits",
    "partnerhub.web.middleware.request_ids",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "partnerhub.api.middleware.shortcut",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.actor",
    "partnerhub.web.middleware.refusals",
    "accounts.middleware.second_factor",
    "partnerhub.api.middleware.destination",
]

ROOT_URLCONF = "partnerhub.urls"
WSGI_APPLICATION = "partnerhub.wsgi.application"
# The dialects below answer with and without a trailing slash themselves and never redirect a program.
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "partnerhub.web.context.hub",
                "subscriptions.views.waiting.change_requests",
                "partnerhub.notifications.context.bell",
                "partnerhub.system.context.system_page",
            ],
            "builtins": ["partnerhub.web.templatetags.hub"],
        },
    },
]
FORM_RENDERER = "partnerhub.web.form_renderer.HubRenderer"

HUB_PROCESS = env.str("HUB_PROCESS", default="partnerhub")
_database = env.db_url("DATABASE_URL", default="postgres://hub@localhost/hub")
_database["ENGINE"] = "partnerhub.database"
_database["CONN_HEALTH_CHECKS"] = True
# Names no trigger to ignore: unset, each trigger call of pgtrigger fails and recovers inside, at a subtransaction each.
try:
    _limits = database_limits.options(database_limits.limits_of(HUB_PROCESS, os.environ))
except ValueError as error:
    raise ImproperlyConfigured(str(error)) from None
_options = {"application_name": HUB_PROCESS, "options": f"-c pgtrigger.ignore={{}} {_limits}"}
# Lets partnerhub/prepared.py prepare its statements; Django's own cursors bind values themselves and never do.
_options["prepare_threshold"] = 0
# Each thread of the web server keeps a session, and so does each of Celery's processes (see partnerhub/celery.py).
_database["CONN_MAX_AGE"] = 3600 if HUB_PROCESS == "web" else None
_waits = {"connect_timeout": 10} if HUB_PROCESS == "web" else {}
_database["OPTIONS"] = {**_waits, **_database.get("OPTIONS", {}), **_options}
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="redis://localhost:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # A cache that hangs must not keep anybody from signing in.
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
}

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if HUB_ENV == "test":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a test that signs in need not wait
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "accounts:login"
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 12 * 60 * 60
# Two hubs on one host must not overwrite each other's cookies: a cookie knows no port.
SESSION_COOKIE_NAME = "hub_session" if IN_PRODUCTION else f"hub_session_{HUB_PORT}"
CSRF_COOKIE_NAME = "hub_csrf" if IN_PRODUCTION else f"hub_csrf_{HUB_PORT}"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True  # forms and hub.js read the token from the page

PASSWORD_RESET_TIMEOUT = 60 * 60
# Who signed in longer ago is asked again before a secret is made or shown; 0 minutes ask nobody, as tests mostly want.
HUB_CONFIRM_MINUTES = env.int("HUB_CONFIRM_MINUTES", default=0 if _in_test else 15)
# Whoever holds one of these roles may do nothing before a second factor.
HUB_SECOND_FACTOR_ROLES = frozenset(
    env.list("HUB_SECOND_FACTOR_ROLES", default=["platform_admin"] if IN_PRODUCTION else [])
)

# django-allauth keeps no account, address or limit of its own: accounts/adapters.py decides.
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False
MFA_ADAPTER = "accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "accounts.sign_in_forms.CodeForm",
    "authenticate_webauthn": "accounts.sign_in_forms.PasskeyForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1
# Browsers know no other plain HTTP than http://localhost for passkeys.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IN_PRODUCTION
SOCIALACCOUNT_ADAPTER = "accounts.adapters.DirectoryAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10

# Single sign-on with the organisation's directory, by OpenID Connect: off unless there is an issuer.
HUB_SSO_ISSUER = env.str("HUB_SSO_ISSUER", default="").rstrip("/")
_sso_at_entra = urlsplit(HUB_SSO_ISSUER).hostname in {"login.microsoftonline.com", "login.microsoftonline.us"}
HUB_SSO_ID = "entra" if _sso_at_entra else "oidc"
HUB_SSO_NAME = env.str("HUB_SSO_NAME", default="Microsoft" if _sso_at_entra else "single sign-on")
HUB_SSO_GROUPS_CLAIM = env.str("HUB_SSO_GROUPS_CLAIM", default="groups")
HUB_SSO_ROLES = env.dict("HUB_SSO_ROLES", default={})
# Entra tells nobody that an address is verified; one tenant's own administrators give them out.
HUB_SSO_TRUST_EMAIL = env.bool("HUB_SSO_TRUST_EMAIL", default=_sso_at_entra)
for _variable, _named in (
    ("HUB_SECOND_FACTOR_ROLES", HUB_SECOND_FACTOR_ROLES),
    ("HUB_SSO_ROLES", HUB_SSO_ROLES.values()),
):
    if unknown := set(_named) - set(AGENT_ROLES):
        raise ImproperlyConfigured(f"{_variable} names {sorted(unknown)}: it may name {', '.join(AGENT_ROLES)}")
if HUB_SSO_ISSUER:
    if IN_PRODUCTION and not HUB_SSO_ISSUER.startswith("https://"):
        raise ImproperlyConfigured("HUB_SSO_ISSUER must begin with https://")
    if _sso_at_entra and {"common", "organizations", "consumers"} & set(HUB_SSO_ISSUER.split("/")):
        raise ImproperlyConfigured("HUB_SSO_ISSUER must name your own tenant: any other organisation could sign in")
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": HUB_SSO_ID,
                "name": HUB_SSO_NAME,
                "client_id": env.str("HUB_SSO_CLIENT_ID", default=""),
                "secret": env.str("HUB_SSO_CLIENT_SECRET", default=""),
                "settings": {"server_url": HUB_SSO_ISSUER, "oauth_pkce_enabled": True},
            }
        ]
        if HUB_SSO_ISSUER
        else []
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("pl", _("Polish"))]
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "partnerhub" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# Without a mail server mails are written and kept, but none is sent; the demo's server is a folder.
_mail_url = env.str("EMAIL_URL", default="")
_mail = environ.Env.email_url_config(_mail_url or "dummymail:")
HUB_MAIL_READY = bool(_mail_url) or not IN_PRODUCTION
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
if HUB_ENV == "demo" and not _mail_url:
    EMAIL_BACKEND = "partnerhub.mail.folder.FolderBackend"
EMAIL_HOST = _mail["EMAIL_HOST"] or "localhost"
EMAIL_PORT = _mail["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _mail["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"]
EMAIL_TIMEOUT = 20
_mail_domain = urlsplit(HUB_BASE_URL).hostname if IN_PRODUCTION else "partnerhub.example"
HUB_MAIL_FROM = env.str("HUB_MAIL_FROM", default=f"Partner Hub <no-reply@{_mail_domain}>")
# Of mails to our own agents; customers get theirs in their own language, publishers in English.
HUB_MAIL_LANGUAGE = env.str("HUB_MAIL_LANGUAGE", default="en")
if HUB_MAIL_LANGUAGE not in dict(LANGUAGES):
    raise ImproperlyConfigured(f"HUB_MAIL_LANGUAGE is {HUB_MAIL_LANGUAGE!r}: it must be en or pl")

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(HUB_DATA / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
_static_backend = "whitenoise.storage.CompressedManifestStaticFilesStorage"
if HUB_ENV == "test":
    _static_backend = "django.contrib.staticfiles.storage.StaticFilesStorage"
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_AUTOREFRESH = True  # nothing is collected, so no folder has to exist
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _static_backend},
}

_https = HUB_BASE_URL.startswith("https://")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS_PROXY else None
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# What the pages use of a browser's powers: the clipboard, and keys to sign in with.
HUB_PERMISSIONS_POLICY = ", ".join(
    [f"{power}=(self)" for power in ("clipboard-write", "publickey-credentials-create", "publickey-credentials-get")]
    + [f"{power}=()" for power in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")]
)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["partnerhub.api.throttling.PerClient"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["partnerhub.api.rendering.Json"],
    "EXCEPTION_HANDLER": "partnerhub.api.errors.answer",
    "DEFAULT_SCHEMA_CLASS": "partnerhub.api.schema.HubSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Partner Hub",
    "VERSION": "1",
    "DESCRIPTION": "The Partner Center v1 dialect, and the hub's own resources in its style.",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
}

# Every schedule is a due row in PostgreSQL; beat only ticks, and a missed tick only delays.
CELERY = {
    "broker_url": REDIS_URL.replace("unix://", "redis+socket://", 1),
    "task_ignore_result": True,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "worker_hijack_root_logger": False,
    "broker_transport_options": {"visibility_timeout": 120},
    "broker_connection_retry_on_startup": True,
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "task_default_queue": "celery",
    "task_routes": {"subscriptions.tasks.poll_due": {"queue": "polling"}},
    "timezone": "UTC",
    "beat_scheduler": "partnerhub.ticking:BoundedScheduler",
    "beat_schedule": {
        "heartbeat": {"task": "partnerhub.outbox.tasks.beat", "schedule": 5.0, "options": {"expires": 5.0}},
        "deliver": {"task": "partnerhub.outbox.tasks.deliver", "schedule": 1.0, "options": {"expires": 2.0}},
        "poll": {"task": "subscriptions.tasks.poll_due", "schedule": 1.0, "options": {"expires": 2.0}},
        "operations": {"task": "subscriptions.tasks.send_operations", "schedule": 2.0, "options": {"expires": 4.0}},
        "drift": {"task": "subscriptions.tasks.look_for_drift", "schedule": 10.0, "options": {"expires": 10.0}},
        "rank": {"task": "subscriptions.tasks.rank_attention", "schedule": 5.0, "options": {"expires": 5.0}},
        "watch": {"task": "subscriptions.tasks.watch_for_drift", "schedule": 3600.0, "options": {"expires": 3600.0}},
        "forget": {"task": "partnerhub.api.tasks.forget_requests", "schedule": 3600.0, "options": {"expires": 3600.0}},
        "retention": {
            "task": "subscriptions.tasks.forget_old_data",
            "schedule": 3600.0,
            "options": {"expires": 3600.0},
        },
        "sessions": {
            "task": "accounts.tasks.forget_sessions",
            "schedule": 3600.0,
            "options": {"expires": 3600.0},
        },
        "secrets": {"task": "publishers.tasks.watch_secrets", "schedule": 3600.0, "options": {"expires": 3600.0}},
        "mail": {"task": "partnerhub.mail.tasks.send_mail", "schedule": 5.0, "options": {"expires": 5.0}},
        "forget_mail": {
            "task": "partnerhub.mail.tasks.forget_mail",
            "schedule": 3600.0,
            "options": {"expires": 3600.0},
        },
        "remind": {"task": "subscriptions.tasks.remind", "schedule": 60.0, "options": {"expires": 60.0}},
        "renewals": {"task": "subscriptions.tasks.announce_renewals", "schedule": 60.0, "options": {"expires": 60.0}},
        "hooks": {"task": "partnerhub.hooks.tasks.send_hooks", "schedule": 1.0, "options": {"expires": 2.0}},
        "told": {"task": "partnerhub.hooks.tasks.forget_hooks", "schedule": 3600.0, "options": {"expires": 3600.0}},
        "jobs": {"task": "partnerhub.jobs.tasks.work", "schedule": 1.0, "options": {"expires": 2.0}},
        "plans": {"task": "partnerhub.jobs.tasks.forget_plans", "schedule": 3600.0, "options": {"expires": 3600.0}},
        "quotes": {"task": "subscriptions.tasks.forget_quotes", "schedule": 3600.0, "options": {"expires": 3600.0}},
        "overdue": {"task": "subscriptions.tasks.void_overdue", "schedule": 30.0, "options": {"expires": 30.0}},
        "cycles": {"task": "billing.tasks.charge_cycles", "schedule": 10.0, "options": {"expires": 10.0}},
        "bill": {"task": "billing.tasks.bill", "schedule": 300.0, "options": {"expires": 300.0}},
        "renew": {"task": "subscriptions.tasks.renew_due", "schedule": 10.0, "options": {"expires": 10.0}},
        "notify": {"task": "partnerhub.notifications.tasks.notify", "schedule": 15.0, "options": {"expires": 15.0}},
        "notifications": {
            "task": "partnerhub.notifications.tasks.send_notifications",
            "schedule": 5.0,
            "options": {"expires": 5.0},
        },
        "forget_told": {
            "task": "partnerhub.notifications.tasks.forget_notifications",
            "schedule": 3600.0,
            "options": {"expires": 3600.0},
        },
        "suspensions": {
            "task": "subscriptions.tasks.end_suspensions",
            "schedule": 60.0,
            "options": {"expires": 60.0},
        },
        "requests": {
            "task": "subscriptions.tasks.void_overdue_requests",
            "schedule": 60.0,
            "options": {"expires": 60.0},
        },
    },
}

LOGGING_CONFIG = None
configure_logging(env.str("HUB_LOG_LEVEL", default="INFO"))

# Two optional extras (`otel`, `sentry`): not even imported unless an address for them is given.
if env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default=""):
    from partnerhub.telemetry import start_tracing

    start_tracing(HUB_PROCESS)
if SENTRY_DSN := env.str("SENTRY_DSN", default=""):
    from partnerhub.reporting import report_errors

    report_errors(SENTRY_DSN, process=HUB_PROCESS, environment=HUB_ENV)
