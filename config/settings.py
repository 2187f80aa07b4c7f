"""Django's settings. Values that an operator can choose come from ``config.environment``."""

import logging
from typing import Any
from urllib.parse import urlsplit

from kombu import Exchange, Queue

from config import programs
from config.celery import broker_url
from config.environment import FOR_SUPPORT, ROOT, read_environment
from config.log.configuration import logging_config
from config.queue.schedule import SCHEDULE

ENVIRONMENT = read_environment()
# For the support bundle, which is on a lower floor: settings that are not secret and affect calls to upstream.
SETTINGS_FOR_SUPPORT = FOR_SUPPORT

DEBUG = ENVIRONMENT.debug
SECRET_KEY = ENVIRONMENT.secret_key
SECRET_KEY_FALLBACKS = ENVIRONMENT.secret_key_fallbacks
ENCRYPTION_KEYS = ENVIRONMENT.encryption_keys
PUBLIC_URL = ENVIRONMENT.public_url
VAR_DIR = ENVIRONMENT.var_dir
ALLOWED_HOSTS = [
    f"[{host}]" if ":" in (host := urlsplit(PUBLIC_URL).hostname or "") else host,
    "localhost",
    "127.0.0.1",
    "[::1]",
    *ENVIRONMENT.allowed_hosts,
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "core",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "workspaces.apps.ListOfSessionsConfig",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_htmx",
    "template_partials.apps.SimpleAppConfig",
    "django_structlog",
    "workspaces",
    "alerts",
    "keys",
    "webhooks",
    "usage",
    "troubleshooting",
    "provisioning",
    "dashboard",
    "config",
]

MIDDLEWARE = [
    "config.front.middleware.common_headers",
    "config.front.middleware.warn_of_untrusted_proxy",
    "config.front.middleware.probes",
    "config.front.middleware.count_requests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.web.stored_pages.Compression",
    "django_structlog.middlewares.RequestMiddleware",
    "config.web.middleware.one_time_per_request",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Deny by default: a view is public only if it says so.
    "config.web.middleware.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.web.middleware.acts_in_place",
    "config.web.middleware.activity",
    "config.web.middleware.viewer_time_zone",
    "config.web.stored_pages.stored_pages",
    "config.web.middleware.SignInRules",
    "config.web.middleware.RequiredRedirects",
    "config.web.errors.explain_wrong_method",
]

ROOT_URLCONF = "config.urls"

_FINDERS = ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"]
# In development, template changes take effect at once.
_LOADERS: list[Any] = _FINDERS if DEBUG else [("django.template.loaders.cached.Loader", _FINDERS)]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.web.context.console",
                "alerts.context.current_alerts",
            ],
            "builtins": [
                "django.templatetags.static",
                "django_htmx.templatetags.django_htmx",
                "template_partials.templatetags.partials",
                "core.templatetags.console",
                "core.templatetags.jinja",
                "workspaces.templatetags.opened_forms",
            ],
            "loaders": [("template_partials.loader.Loader", _LOADERS)],
        },
    },
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [ROOT / "templates" / "jinja2"],
        "OPTIONS": {"environment": "core.templatetags.jinja.environment"},
    },
]

FORM_RENDERER = "django.forms.renderers.Jinja2"  # as for rows: docs/decisions/0008
DATABASES = ENVIRONMENT.databases
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = ENVIRONMENT.redis_address
REDIS_SECONDS = 2  # timeout after which Redis counts as down
CACHES = {
    "default": {
        "BACKEND": "config.web.cache.Cache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "console",
        "VERSION": 2,  # version 1 was pickled
        "OPTIONS": {
            "serializer": "config.web.cache.JsonSerializer",
            "socket_timeout": REDIS_SECONDS,
            "socket_connect_timeout": REDIS_SECONDS,
        },
    }
}

AUTH_USER_MODEL = "workspaces.User"
AUTHENTICATION_BACKENDS = ["workspaces.accounts.adapters.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "workspaces.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# Nobody signs up: an invitation sent to the email address verifies it.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(PUBLIC_URL).scheme
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
# A reset for an email address without an account shows the same page, and sends no mail.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
PASSWORD_RESET_TIMEOUT = 3600
# Seconds for which a password or second factor counts as fresh before a sensitive command.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_FORMS = {
    "login": "workspaces.accounts.forms.SignInForm",
    "change_password": "workspaces.accounts.forms.NewPasswordForm",
    "set_password": "workspaces.accounts.forms.FirstPasswordForm",
    "reset_password_from_key": "workspaces.accounts.forms.PasswordByLinkForm",
    "reauthenticate": "workspaces.accounts.forms.ConfirmByPasswordForm",
    "reset_password": "workspaces.accounts.forms.AskForResetForm",
    "user_token": "workspaces.accounts.forms.ResetTokenForm",
}
ACCOUNT_RATE_LIMITS = {
    # For passwords, only wrong ones are counted; see workspaces.accounts.sign_in_limits. With a limit for all sign-ins
    # from one IP address, one attacker behind an untrusted proxy could lock everyone out.
    "login": None,
    "password_by_network": "10/m/ip,5/300s/key",
    "password_by_account": "50/h/key",
    "password_on_known_device": "5/300s/key",
    "login_failed": "5/300s/key",  # codes and passkeys after the password, by account
    "reset_password": "20/m/ip,3/h/key",
    "reset_password_from_key": "20/m/ip",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
    "enrolment_mail": "5/h/user",
}

MFA_ADAPTER = "workspaces.accounts.adapters.MfaAdapter"
MFA_FORMS = {
    "authenticate": "workspaces.accounts.forms.SecondFactorForm",
    "reauthenticate": "workspaces.accounts.forms.ConfirmByCodeForm",
    "add_webauthn": "workspaces.accounts.forms.AddPasskeyForm",
    "edit_webauthn": "workspaces.accounts.forms.RenamePasskeyForm",
    "login_webauthn": "workspaces.accounts.forms.PasskeySignInForm",
    "authenticate_webauthn": "workspaces.accounts.forms.PasskeySecondFactorForm",
    "reauthenticate_webauthn": "workspaces.accounts.forms.PasskeyConfirmationForm",
}
# Passkeys cannot be guessed; this limits the load.
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Cleanlist Console"
MFA_TOTP_TOLERANCE = 1  # one period of 30 s either way, for phones with inaccurate clocks
MFA_ALLOW_UNVERIFIED_EMAIL = True  # for accounts that site admins create on the command line

SSO_ONLY_EXCEPT = ENVIRONMENT.sso_only_except
REQUIRE_SECOND_FACTOR = ENVIRONMENT.require_second_factor
SOCIALACCOUNT_ADAPTER = "workspaces.accounts.single_sign_on.SsoAdapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [ENVIRONMENT.oidc] if ENVIRONMENT.oidc else []}}
# The CSP's form-action would block a form that leads to the provider; the state parameter protects the way back.
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX = ""
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10

SESSION_ENGINE = "workspaces.accounts.sessions"
SESSION_IDLE_MINUTES = ENVIRONMENT.session_idle_minutes
SESSION_HOURS = ENVIRONMENT.session_hours
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "config.web.errors.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
if PUBLIC_URL.startswith("https://"):
    # Browsers accept a cookie with this prefix only over HTTPS and from this exact host, so no neighbour can plant one.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
MESSAGE_STORAGE = "config.web.messages.MessageStorage"
if PUBLIC_URL.startswith("https://"):
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = ENVIRONMENT.hsts_subdomains
    # HSTS for one host must not bind its neighbours; the operator can set HSTS_SUBDOMAINS.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if ENVIRONMENT.trusted_proxy_count:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # Only with a proxy: without one that sends the scheme, every request would seem to need the redirect.
    SECURE_SSL_REDIRECT = PUBLIC_URL.startswith("https://")
TRUSTED_PROXY_COUNT = ENVIRONMENT.trusted_proxy_count
ALLAUTH_TRUSTED_PROXY_COUNT = ENVIRONMENT.trusted_proxy_count

STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "static"]
STATIC_ROOT = ENVIRONMENT.static_root
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "core.static_bundles.BundledStaticFilesStorage"
    },
}

# Requests are small: forms with text fields. config.asgi refuses anything larger or slower.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
MAX_HEADER_KB = ENVIRONMENT.max_header_kb
BODY_SECONDS = ENVIRONMENT.body_seconds
WEB_THREADS = ENVIRONMENT.web_threads
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
FILE_UPLOAD_PERMISSIONS = 0o600  # for static files, which Django would make readable by everyone
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

vars().update(ENVIRONMENT.email)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENVIRONMENT.email_from
MAIL_DIR = ENVIRONMENT.var_dir / "mail"

LANGUAGE_CODE = "en-us"
TIME_ZONE = ENVIRONMENT.time_zone
USE_TZ = True
USE_I18N = False

LOGGING = logging_config(ENVIRONMENT.log_level, ENVIRONMENT.log_format)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
# One line per request and none for a successful task: beat ticks every second.
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_CELERY_DEFAULT_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_CELERY_TASK_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_CELERY_TASK_SUCCESS_LOG_LEVEL = logging.DEBUG
# We bind the client's IP address, because only we know how many proxies to trust.
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # retry however long it is down
# A message is a tick of beat or a nudge: the work itself is in the database, under leases. So a message counts as done
# when it is taken, and Redis gets no acknowledgement, so that a lost connection loses no state. With later
# acknowledgement, a task that ended while the connection was down ended its worker.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "ack_emulation": False,
    "socket_timeout": REDIS_SECONDS,
    "socket_connect_timeout": REDIS_SECONDS,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
# Two kinds of work that must not wait for each other. A worker without -Q takes both.
QUEUES = programs.QUEUES
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in QUEUES]
CELERY_TASK_DEFAULT_QUEUE = "polling"
CELERY_TASK_ROUTES = {
    "alerts.tasks.evaluate_rules": "alerts",
    "alerts.tasks.send_notifications": "alerts",
    "workspaces.tasks.send_account_mail": "alerts",
    "config.tasks.ping_outside": "alerts",
}
CELERY_TASK_IGNORE_RESULT = True
# With JSON, anyone who can write to Redis can only queue our own tasks.
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = CELERY_RESULT_ACCEPT_CONTENT = ["json"]
# Workers accept no remote commands through Redis: those could stop them for good, and read their settings.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TASK_ACKS_LATE = False
# Unstarted tasks wait in Redis, for the first free worker.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
# Has no effect without late acknowledgement; unset or False, Celery warns at each lost connection.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_SEND_TASK_EVENTS = False
# In memory: no task is so rare that its last run must survive a restart, and no file can be corrupted.
CELERY_BEAT_SCHEDULER = "config.queue.beat_scheduler.Scheduler"
CELERY_BEAT_SCHEDULE = SCHEDULE

CLEANLIST_API_ORIGINS = ENVIRONMENT.cleanlist_api_origins
RATE_LIMIT_PER_MINUTE = ENVIRONMENT.rate_limit_per_minute
RATE_LIMIT_SHARE_PERCENT = ENVIRONMENT.rate_limit_share_percent
POLL_BALANCE_SECONDS = ENVIRONMENT.poll_balance_seconds
POLL_KEYS_SECONDS = ENVIRONMENT.poll_keys_seconds
POLL_REQUESTS_SECONDS = ENVIRONMENT.poll_requests_seconds
POLL_DELIVERIES_SECONDS = ENVIRONMENT.poll_deliveries_seconds
KEEP_REQUESTS_DAYS = ENVIRONMENT.keep_requests_days
KEEP_REQUESTS_ROWS = ENVIRONMENT.keep_requests_rows
KEEP_ALERTS_DAYS = ENVIRONMENT.keep_alerts_days
KEEP_DELIVERIES_DAYS = ENVIRONMENT.keep_deliveries_days
# Where `manage.py up` runs the sandbox, and where that has its data.
SANDBOX_PORT = ENVIRONMENT.sandbox_port
SANDBOX_DIR = VAR_DIR / "sandbox"
WEBHOOK_ALLOW_LOCAL_TARGETS = ENVIRONMENT.webhook_allow_local_targets
ALERTS_WORKER = ENVIRONMENT.alerts_worker
HEARTBEAT_URL = ENVIRONMENT.heartbeat_url
METRICS_TOKEN = ENVIRONMENT.metrics_token
