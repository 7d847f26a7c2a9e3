"""`python -P -m amc.fleet.celery_program`: Celery's command line, apart from the current directory.

For `-A amc` Celery puts the current directory before everything else on the path; a redis.py or a
json.py there would be taken for the real one. What is loaded before that is safe.
"""

import sys

from celery.__main__ import main

import amc.celery

__all__ = ["amc", "main"]

if __name__ == "__main__":
    sys.argv[0] = "celery"
    main()
