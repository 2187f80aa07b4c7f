"""The console's own settings under an environment of the tests' making, whatever the developer's holds."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from config.environment import VARIABLES
from core.secret_files import generate_secret

_var_dir = Path(tempfile.mkdtemp(prefix="console-tests-"))
(_var_dir / "static").mkdir()  # whitenoise warns where there is none
_owner = os.getpid()


@atexit.register
def _remove() -> None:
    if os.getpid() == _owner:  # a forked child must not tidy up for its parent
        shutil.rmtree(_var_dir, ignore_errors=True)


_database_url = os.environ.get("DATABASE_URL")  # `make test-postgres` chooses it
for _name in VARIABLES:
    os.environ.pop(_name, None)
    os.environ.pop(f"{_name}_FILE", None)
os.environ |= {
    "ENV_FILE": "",
    "VAR_DIR": str(_var_dir),
    "SECRET_KEY": generate_secret("django"),
    "ENCRYPTION_KEYS": generate_secret("fernet"),
}
if _database_url:
    os.environ["DATABASE_URL"] = _database_url

from config.settings import *  # noqa: E402, F403

# A file, because threads cannot share an in-memory database without locking each other out.
DATABASES["default"]["TEST"] = {} if _database_url else {"NAME": _var_dir / "test.sqlite3"}  # noqa: F405
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
