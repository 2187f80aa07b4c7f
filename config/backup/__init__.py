"""Backups of the running embedded set: everything in VAR_DIR that cannot be recreated, in one archive.

An archive is a gzipped tar. Its first member, ``manifest.json``, lists the others with size and SHA-256. An encrypted
archive is an age file (https://age-encryption.org), so that the ``age`` program opens it too.
"""


class BackupFailed(Exception):
    """A backup cannot be made, read or restored; the message gives the reason and a remedy."""
