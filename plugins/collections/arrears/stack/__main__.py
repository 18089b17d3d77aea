"""`python -m arrears.stack`: the stack's commands without the whole command line."""

from arrears.stack.commands import app

app()
