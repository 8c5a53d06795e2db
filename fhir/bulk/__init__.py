"""Bulk Data Access 2.0: a server's export of many patients, from the kick-off to a folder that is a source."""
