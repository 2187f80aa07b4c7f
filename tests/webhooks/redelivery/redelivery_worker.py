"""A worker for a test: redelivers what is due until it is killed, without the waits of the real one."""

import os
import sys
import time
from datetime import timedelta

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from webhooks.redelivery import engine, item_sender, leases  # noqa: E402

item_sender.RETRY_AFTER = (timedelta(0),) * 3
item_sender.SECONDS_BETWEEN = 0.0
leases.LEASE_SECONDS = float(os.environ["LEASE_SECONDS"])
sys.stdout.write("ready\n")
sys.stdout.flush()
while True:
    engine.run_due()
    time.sleep(0.05)
