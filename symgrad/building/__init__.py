"""From spec files to generated modules on disk: load, build in several processes, write, compare."""
