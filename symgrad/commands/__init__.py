"""The command `symgrad`: one file a command, joined in `symgrad.commands.main`."""
