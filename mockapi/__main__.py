"""`python -m mockapi` is the `mockapi` command."""

from mockapi.cli import main

main()
