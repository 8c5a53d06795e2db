"""A reading beside another one: the prior's, and the report's."""
