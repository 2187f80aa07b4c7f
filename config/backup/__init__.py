"""Backups of the embedded set: everything in VAR_DIR that cannot be made again, in one archive, while it runs.

An archive is a gzipped tar whose first member, ``manifest.json``, lists the others with size and SHA-256. Encrypted, it
is an age file (https://age-encryption.org), so that the ``age`` program opens it as well.
"""


class BackupFailed(Exception):
    """A backup cannot be made, read or restored; the message says why and what to do."""
