"""Takes identifiers out of reports by rules: never the only barrier, with a recall that is measured."""
