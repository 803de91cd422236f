"""`python -m pulse_runner` is `pulse`."""

from pulse_runner.cli import main

main()
