"""Entry point of a worker process: `python -m mms.worker`."""

from mms.worker.main import main

main()
